// Explains what cannot be answered to the client, because client or redirect URI are not to be trusted.
import { displayName } from './destination.ts'
import { html } from '../../../../lib/pages/html.ts'
import { layout } from '../../../../lib/pages/layout.ts'

export interface ErrorPage {
  readonly serverName: string
  /** What happened, in a few words. */
  readonly title: string
  readonly message: string
  /** What the person can do. */
  readonly hint?: string | undefined
  /** Where the client is told of it, when the person wants that: a registered redirect URI. */
  readonly back?: { readonly location: string, readonly clientName: string } | undefined
}

export function errorPage ({ serverName, title, message, hint, back }: ErrorPage): string {
  return layout(serverName, `Error: ${title}`, html`
<h1>${title}</h1>
<div class="note bad" role="alert"><p>${message}</p></div>
${hint && html`<p>${hint}</p>`}
${back && html`<p class="small">Or go <a href="${back.location}">back to <bdi>${displayName(back.clientName)}</bdi></a>, only if you know this address: <bdi>${back.location.split('?', 1)[0]}</bdi></p>`}`)
}
