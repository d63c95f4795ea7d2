// Asks whether to sign out: a link alone must not, or any page could do it.
import { html } from '../../../../lib/pages/html.ts'
import { layout } from '../../../../lib/pages/layout.ts'

export interface SignOutPage {
  readonly serverName: string
  readonly username: string
  readonly action: string
  readonly csrf: string
}

export function signOutPage ({ serverName, username, action, csrf }: SignOutPage): string {
  return layout(serverName, 'Sign out?', html`
<h1>Sign out?</h1>
<p>You are signed in as <strong><bdi>${username}</bdi></strong> in this browser. Apps that you have connected stay connected.</p>
<form method="post" action="${action}">
<input type="hidden" name="csrf" value="${csrf}">
<div class="actions"><button type="submit">Sign out</button></div>
</form>`)
}
