// Goes on to the client after the decision, by a navigation of its own: the policy's form-action covers every redirect
// that answers a form, so that Chromium would block one to claude:// or cursor://.
import { displayName } from './destination.ts'
import { html } from '../../../../lib/pages/html.ts'
import { layout } from '../../../../lib/pages/layout.ts'

export interface FinishPage {
  readonly serverName: string
  readonly clientName?: string | undefined
  /** The redirect URI with the answer: of a scheme that `redirectUriProblem` lets through. */
  readonly location: string
  /** Whether it goes there by itself. */
  readonly unasked?: boolean
}

export function finishPage ({ serverName, clientName, location, unasked = true }: FinishPage): string {
  const name = displayName(clientName ?? '') || 'the app'
  return layout(serverName, `Continue to ${name}`, html`
<h1>${unasked ? 'Going on' : 'Back'} to <bdi>${name}</bdi></h1>
<p>${unasked ? 'If nothing happens, use the button. After that you can close this page.' : 'You have not allowed it anything. Use the button to tell it so, or close this page.'}</p>
<div class="actions"><a class="button" href="${location}">Continue to <bdi>${name}</bdi></a></div>`,
  unasked ? html`<meta http-equiv="refresh" content="0; url=${location}">` : undefined)
}
