// Explains what cannot be answered to the client, because client or redirect URI are not to be trusted.
import { displayName } from './destination.ts'
import { html } from '../../../../lib/pages/html.ts'
import { layout } from '../../../../lib/pages/layout.ts'

export interface ErrorPage {
  readonly serverName: string
  /** What happened, in a few words. */
  readonly title: string
  /** What the person can do. */
  readonly advice: string
  /** The same in the words of the protocol, for whoever looks into it. */
  readonly message: string
  /** By which the log has it. */
  readonly requestId: string
  /** Where the client is told of it, when the person wants that: a registered redirect URI. */
  readonly back?: { readonly location: string, readonly clientName: string } | undefined
}

export function errorPage ({ serverName, title, advice, message, requestId, back }: ErrorPage): string {
  return layout(serverName, `Error: ${title}`, html`
<h1>${title}</h1>
<div class="note bad" role="alert"><p>${advice}</p></div>
${back && html`<p class="small">Or go <a href="${back.location}">back to <bdi>${displayName(back.clientName)}</bdi></a>, only if you know this address: <bdi>${back.location.split('?', 1)[0]}</bdi></p>`}
<h2>For whoever looks into it</h2>
<p class="small">${message}<br>Request <code>${requestId}</code></p>`)
}
