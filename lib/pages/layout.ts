// What every page shares: the document around it, and the headers that it is sent with.
import { createHash } from 'node:crypto'
import { type Html, html, markup } from './html.ts'
import { STYLE } from './style.ts'

const styleHash = createHash('sha256').update(STYLE).digest('base64')

/** Headers of every page. They replace those of the same name that other responses have. */
export const pageHeaders: Readonly<Record<string, string>> = Object.freeze({
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': `default-src 'none'; style-src 'sha256-${styleHash}'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'`,
  'x-frame-options': 'DENY', // for browsers that do not know frame-ancestors (RFC 9700 section 4.16)
  'cache-control': 'no-store',
  // Nothing goes to other sites. With no-referrer a form post to ourselves would come with `Origin: null` (Fetch, "append a request Origin header").
  'referrer-policy': 'same-origin',
  // Clients that open the sign-in in a window of its own lose hold of it under any other value, also after it has left for their callback.
  'cross-origin-opener-policy': 'unsafe-none'
})

/**
 * A whole document.
 * @param title the state of the page; a person who hears nothing else should know where they are
 * @param head further elements for the head
 */
export function layout (serverName: string, title: string, body: Html, head?: Html): string {
  return String(html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>${title} – ${serverName}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
${head}
<style>${markup(STYLE)}</style>
</head>
<body>
<main>
<p class="server"><bdi>${serverName}</bdi></p>
${body}
</main>
</body>
</html>
`)
}
