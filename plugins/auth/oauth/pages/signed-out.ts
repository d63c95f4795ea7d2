// Confirms that this browser is signed out.
import { html } from '../../../../lib/pages/html.ts'
import { layout } from '../../../../lib/pages/layout.ts'

export function signedOutPage ({ serverName }: { readonly serverName: string }): string {
  return layout(serverName, 'Signed out', html`
<h1>You are signed out</h1>
<p>This browser will ask for your password again. Apps that you allowed keep their access.</p>
<p class="small"><a href="../">How to connect an assistant</a></p>`)
}
