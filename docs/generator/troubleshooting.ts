// docs/troubleshooting.md, from the catalogue of the doctor.
import { sections } from '../../doctor/catalogue.ts'
import { clientSymptoms } from '../../doctor/client-symptoms.ts'
import type { Finding } from '../../doctor/catalogue/entry.ts'
import { code, generated } from './markdown.ts'

export function troubleshootingPage (): string {
  return `${generated('doctor/catalogue and doctor/client-symptoms.ts')}
# Troubleshooting

Let the doctor look first. It walks the way of a client, names what is wrong, and says how to mend it:

\`\`\`sh
./mcpx doctor https://mcp.example.com/mcp          # from anywhere
sudo mcpx doctor --own-token                                   # on the server that ops/setup.sh set up: sees more
./mcpx doctor --own-token                          # the same where the settings are in .env
\`\`\`

It takes a few seconds, half a minute at most. A line is \`ok\`, a \`warning\`, a \`problem\`, or \`skipped\` with what it would take; the name in brackets at its end is a heading below. Piped or with \`--json\` it prints JSON, and it exits with 1 when there are problems (with \`--strict\`, or warnings), so that a timer or a monitoring system can run it. \`--help\` has all options. Mind the \`run\`: without it, pnpm examines itself.

What a client sees is in the first part, what the doctor finds in the second. Every answer of the server has an \`x-request-id\`, under which its log says more: \`journalctl --namespace=mcpx | grep ID\`. An answer without one was not made by the server.

<!-- contents -->
<!-- /contents -->

## What clients show

${groups().map(([client, symptoms]) => `### ${client}\n\n${symptoms.map(({ symptom, cause, fix, findings = [] }) => `**${symptom}** ${cause}\n\n*Mend:* ${fix}${findings.length > 0 ? ` The doctor names it ${findings.map(link).join(', ')}.` : ''}`).join('\n\n')}`).join('\n\n')}

## What the doctor finds

${Object.entries<Record<string, Finding>>(sections).map(([title, findings]) => `### ${title}\n\n${Object.entries(findings).map(entry).join('\n\n')}`).join('\n\n')}

## What the doctor cannot see

- **Other networks.** It looks from where it runs. From the server itself it does not see the firewall in front of it, nor what a resolver elsewhere answers: run it from outside too.
- **Calls and streams without a token.** With sign-in it stops at the challenge, unless it has a token: \`--token\`, or \`--own-token\` on the server.
- **Passwords.** Whether somebody still has a known one is not to be seen from outside; the server refuses to start with the default one on a public address.
- **Time limits of proxies.** It does not wait for the minute after which one would cut a silent stream. [manual-testing.md](manual-testing.md) has a step for that.
- **The sign-in itself.** It does not sign in, and does not press buttons: that takes a person, or \`test/oauth/\`.
- **HTTP/2 and HTTP/3.** It speaks HTTP/1.1, in which buffering shows.
- **What tools depend on**: keys of other services, their limits, the network on the way there.
`
}

function groups (): [string, typeof clientSymptoms][] {
  const names = [...new Set(clientSymptoms.map(({ client }) => client))]
  return names.map(name => [name === 'Any' ? 'Any client' : name, clientSymptoms.filter(({ client }) => client === name)])
}

const link = (id: string): string => `[${code(id)}](#${id})`

const entry = ([id, { level, symptom, cause, fix }]: [string, Finding]): string => `#### ${id}

${level === 'problem' ? 'Problem' : 'Warning'}. ${symptom}

- Cause: ${cause}
- Mend: ${fix}`
