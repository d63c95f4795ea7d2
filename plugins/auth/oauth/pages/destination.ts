// How the pages speak of a client and of where it will send the person: both are claims that others made.
import { type Html, html } from '../../../../lib/pages/html.ts'

/** What `describeRedirect` tells of a redirect URI. */
export interface Destination { readonly host: string, readonly kind: 'web' | 'loopback' | 'app' }

const MAX_CHARACTERS = 60

/** Untrusted text as one line of visible characters: nothing that hides, turns around or overflows what stands beside it. */
export function displayName (text: string): string {
  const line = text.slice(0, 1000).normalize('NFC').replace(/[\p{C}\p{Z}\s]+/gu, ' ').replace(/(\p{M}{4})\p{M}+/gu, '$1').trim()
  const characters = [...line]
  return characters.length > MAX_CHARACTERS ? `${characters.slice(0, MAX_CHARACTERS - 1).join('').trim()}…` : line
}

/** Where the person will be sent, as a noun. */
export function destination ({ host, kind }: Destination): Html {
  if (kind === 'loopback') return html`a program on this device <span class="small">(<bdi>${host}</bdi>)</span>`
  if (kind === 'app') return html`the app that opens <bdi>${host}</bdi> links`
  return html`<bdi>${host}</bdi>`
}

/**
 * What to consider before being sent there. Any program can listen on a loopback port or claim a scheme
 * (RFC 8252 sections 8.3 and 8.6), so the name that the client gives itself proves nothing.
 */
export function destinationWarning ({ host, kind }: Destination): Html {
  if (kind === 'web') return html`<p class="small">Go on only if you know this site and came from there.</p>`
  const who = kind === 'loopback' ? html`Any program on this device` : html`Any app on this device that opens <bdi>${host}</bdi> links`
  return html`<div class="note"><p>${who} could be behind this request. Allow it only if you started it yourself just now.</p></div>`
}
