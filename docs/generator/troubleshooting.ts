// docs/troubleshooting.md, from the catalogue of the doctor.
import { sections } from '../../doctor/catalogue.ts'
import { clientSymptoms } from '../../doctor/client-symptoms.ts'
import type { Finding } from '../../doctor/catalogue/entry.ts'
import { code, generated } from './markdown.ts'

export function troubleshootingPage (): string {
  return `${generated('doctor/catalogue and doctor/client-symptoms.ts')}
# Troubleshooting

Let the doctor look first. It follows the path of a client, names what is wrong, and says how to fix it:

\`\`\`sh
./mcpx doctor https://mcp.example.com/mcp   # from anywhere
sudo mcpx doctor --own-token                # on a server that ops/setup.sh has set up: sees more
./mcpx doctor --own-token                   # the same where the settings are in .env
\`\`\`

It takes a few seconds, half a minute at most. Each line is \`ok\`, a \`warning\`, a \`problem\`, or \`skipped\` with what the check would need. The name in brackets at its end is a heading below. When piped or with \`--json\`, it prints JSON. It exits with 1 if there are problems (with \`--strict\`, also if there are warnings), so that a timer or a monitoring system can run it. \`--help\` lists all options.

The first part is about what clients show, the second about what the doctor finds. Answers of the server carry an \`x-request-id\`; the log says more under that id: \`journalctl --namespace=mcpx | grep ID\`. An answer without one, unless it is a 400 or 431, comes from something in front of the server.

<!-- contents -->
<!-- /contents -->

## What clients show

${groups().map(([client, symptoms]) => `### ${client}\n\n${symptoms.map(({ symptom, cause, fix, findings = [] }) => `**${symptom}** ${cause}\n\n*Fix:* ${fix}${findings.length > 0 ? ` The doctor calls it ${findings.map(link).join(', ')}.` : ''}`).join('\n\n')}`).join('\n\n')}

## What the doctor finds

${Object.entries<Record<string, Finding>>(sections).map(([title, findings]) => `### ${title}\n\n${Object.entries(findings).map(entry).join('\n\n')}`).join('\n\n')}

## What the doctor cannot see

- **Other networks.** It looks from where it runs. On the server itself it sees neither the firewall in front nor what a resolver elsewhere answers, so run it from outside too.
- **Calls and streams without a token.** With sign-in, it stops at the challenge unless it has a token: \`--token\`, or \`--own-token\` on the server.
- **Passwords.** Whether someone uses a weak one cannot be seen from outside. The well-known first password works only from the machine itself.
- **Time limits of proxies.** It does not wait for the minute after which a proxy would cut a silent stream. [Manual testing](manual-testing.md#time) has a step for that.
- **The sign-in itself.** It does not sign in or press buttons: that takes a person.
- **HTTP/2 and HTTP/3.** It speaks HTTP/1.1, where buffering shows.
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
- Fix: ${fix}`
