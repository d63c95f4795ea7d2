// Explains what cannot be answered to the client, because client or redirect URI are not to be trusted.
import { html } from './html.ts'
import { layout } from './layout.ts'

export interface ErrorPage {
  readonly serverName: string
  /** What happened, in a few words. */
  readonly title: string
  readonly message: string
  /** What the person can do. */
  readonly hint?: string | undefined
}

export function errorPage ({ serverName, title, message, hint }: ErrorPage): string {
  return layout(serverName, `Error: ${title}`, html`
<h1>${title}</h1>
<div class="note bad" role="alert"><p>${message}</p></div>
${hint && html`<p>${hint}</p>`}`)
}
