// Asks for username and password.
import { type Destination, destination, displayName } from './destination.ts'
import { html } from '../../../../lib/pages/html.ts'
import { layout } from '../../../../lib/pages/layout.ts'

export interface SignInPage {
  readonly serverName: string
  /** The client that wants in; untrusted text. */
  readonly clientName?: string | undefined
  readonly redirect?: Destination | undefined
  /** Where the form is posted: the authorization request with its query. */
  readonly action: string
  readonly csrf: string
  /** What was typed before. */
  readonly username?: string | undefined
  /** What went wrong, as a sentence. */
  readonly error?: string | undefined
  /** How long the next attempt has to wait, when it has to. */
  readonly retryAfterSeconds?: number | undefined
}

export function signInPage (page: SignInPage): string {
  const { serverName, action, csrf, username, redirect } = page
  const client = displayName(page.clientName ?? '')
  const wait = page.retryAfterSeconds ? `Wait ${duration(page.retryAfterSeconds)} before you try again.` : undefined
  const error = [page.error, wait].filter(Boolean).join(' ')
  const described = error === '' ? undefined : html` aria-invalid="true" aria-describedby="error"`
  const focus = html` autofocus`

  return layout(serverName, error === '' ? 'Sign in' : 'Error: Sign in', html`
<h1>Sign in</h1>
${redirect && html`<p>${client === '' ? 'An app' : html`<strong><bdi>${client}</bdi></strong>`} wants to use <bdi>${serverName}</bdi>. Once signed in, you decide whether to allow that and go on to ${destination(redirect)}.</p>`}
${error === '' ? undefined : html`<div class="note bad" role="alert" id="error"><p>${error}</p></div>`}
<form method="post" action="${action}">
<input type="hidden" name="csrf" value="${csrf}">
<label for="username">Username</label>
<input id="username" name="username" type="text" value="${username}" required maxlength="256" autocomplete="username" autocapitalize="none" autocorrect="off" spellcheck="false"${described}${username ? undefined : focus}>
<label for="password">Password</label>
<input id="password" name="password" type="password" required maxlength="1000" autocomplete="current-password"${described}${username ? focus : undefined}>
<div class="actions"><button type="submit">Sign in</button></div>
</form>`)
}

const duration = (seconds: number): string => `${seconds} second${seconds === 1 ? '' : 's'}`
