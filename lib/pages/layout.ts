// What every page shares: the document around it.
import { type Html, html, markup } from './html.ts'
import { STYLE } from './style.ts'

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
<link rel="icon" href="/icon.svg" type="image/svg+xml">
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
