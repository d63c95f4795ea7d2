// Asks whether a client may act for the person: who asks, where that leads, what for.
import type { ToolGroup } from '../../tool-groups.ts'
import { type Destination, destination, destinationWarning, displayName, hostName } from './destination.ts'
import { type Html, html } from '../../../../lib/pages/html.ts'
import { layout } from '../../../../lib/pages/layout.ts'

export interface ConsentPage {
  readonly serverName: string
  /** Who is signed in. */
  readonly username: string
  readonly clientId: string
  /** What the client calls itself; untrusted text. */
  readonly clientName?: string | undefined
  /** Home page of the client; untrusted. */
  readonly clientUri?: string | undefined
  readonly clientSource: 'registered' | 'metadata_document' | 'operator'
  readonly redirect: Destination
  readonly scopes: readonly { readonly name: string, readonly description: string }[]
  /** The tools that it will be able to run, in groups, of which the person can leave some out. */
  readonly groups: ReadonlyArray<ToolGroup & { readonly leftOut?: boolean }>
  readonly action: string
  readonly csrf: string
}

/** The form answers `decision`: allow, deny, switch to sign in as someone else, or ask where nothing was decided. */
export function consentPage (page: ConsentPage): string {
  const { serverName, username, redirect, scopes, groups, action, csrf } = page
  const name = displayName(page.clientName ?? '') || hostOf(page.clientId) || 'An app without a name'
  return layout(serverName, `Allow ${name}?`, html`
<form method="post" action="${action}">
<input type="hidden" name="csrf" value="${csrf}">
${groups.length > 1 && ENTER_DECIDES_NOTHING}<h1>Allow ${quoted(page, name)} to use <bdi>${serverName}</bdi>?</h1>
<p class="small">${identity(page)}</p>
<h2>You will be sent to</h2>
<p class="to">${destination(redirect)}</p>
${destinationWarning(redirect)}
<h2 id="asks">It asks to</h2>
<ul aria-labelledby="asks">${scopes.map(scope => html`
<li>${scope.description}<br><code>${scope.name}</code></li>`)}
</ul>
${groups.length < 2 ? groups.map(({ tools }) => toolList(tools, `${tools.length === 1 ? 'The tool' : `The ${tools.length} tools`} that it can run`)) : choices(groups)}
<div class="actions">
<button type="submit" name="decision" value="allow">Allow</button>
<button type="submit" name="decision" value="deny" class="plain">Deny</button>
</div>
<p class="who small">Signed in as <strong><bdi>${username}</bdi></strong>. <button type="submit" name="decision" value="switch" class="link">Sign in as someone else</button></p>
</form>`)
}

const toolList = (tools: readonly string[], summary: string): Html => html`<details><summary>${summary}</summary>
<ul>${tools.map(title => html`
<li><bdi>${title}</bdi></li>`)}
</ul></details>`

/** Enter in a box presses the first button of the form (HTML, implicit submission), which would be to allow: this one asks once more. */
const ENTER_DECIDES_NOTHING = html`<button type="submit" name="decision" value="ask" hidden></button>
`

/** A box for each group; what was shown goes with the form, as a box that is not ticked is not sent. */
const choices = (groups: ConsentPage['groups']): Html => html`<fieldset>
<legend>Tools that it can run</legend>
<input type="hidden" name="shown" value="${groups.map(({ id }) => id).join(' ')}">${groups.map(({ id, title, tools, leftOut = false }) => html`
<label class="choice"><input type="checkbox" name="group ${id}"${leftOut ? undefined : html` checked`}> <bdi>${title}</bdi></label>
${toolList(tools, tools.length === 1 ? '1 tool' : `${tools.length} tools`)}`)}
</fieldset>`

/** How far the name can be believed. A document is fetched from the host that it names, which may be one where anybody publishes; anybody can register any name. */
function identity ({ clientId, clientSource, clientUri }: ConsentPage): Html {
  if (clientSource === 'operator') return html`Set up by the operator of this server.`
  if (clientSource === 'metadata_document') return html`The app is described by <strong>${hostName(hostOf(clientId) ?? '')}</strong>: whoever may publish there chose its name, and this server has verified no more than that.`
  const home = hostOf(clientUri)
  return html`The app chose this name itself; nobody has verified it.${home && html` It says that its home is <bdi>${displayName(home)}</bdi>.`}`
}

const hostOf = (url = ''): string | undefined => URL.canParse(url) ? new URL(url).host || undefined : undefined

/** A name that an app chose itself stands in quotation marks, so that what it claims is not read as what this page says. */
function quoted ({ clientSource, clientName }: ConsentPage, name: string): Html {
  return clientSource === 'operator' || displayName(clientName ?? '') === '' ? html`<bdi>${name}</bdi>` : html`“<bdi>${name}</bdi>”`
}
