// How the pages speak of a client and of where it will send the person: both are claims that others made.
import { type Html, html } from '../../../../lib/pages/html.ts'

/** What `describeRedirect` tells of a redirect URI. */
export interface Destination { readonly host: string, readonly kind: 'web' | 'loopback' | 'app' }

const MAX_CHARACTERS = 60

// Letters that show nothing (U+3164, U+FFA0, U+2800, variation selectors), though they are neither blanks nor controls.
const INVISIBLE = /[\p{C}\p{Z}\p{Default_Ignorable_Code_Point}\u2800\s]+/gu
// Ticks, seals, locks and shields: a name must not look as if somebody had checked it.
const SEALS = /(?:[\p{So}\p{Extended_Pictographic}\u221a]|\p{Emoji_Modifier})+/gu

/** Untrusted text as one line of visible characters: nothing that hides, turns around or overflows what stands beside it. */
export function displayName (text: string): string {
  const line = text.slice(0, 1000).normalize('NFC').replace(SEALS, ' ').replace(INVISIBLE, ' ').replace(/(\p{M}{4})\p{M}+/gu, '$1').trim()
  const characters = [...line]
  if (!/[\p{L}\p{N}\p{P}\p{S}]/u.test(line)) return '' // marks over nothing
  return characters.length > MAX_CHARACTERS ? `${characters.slice(0, MAX_CHARACTERS - 1).join('').trim()}…` : line
}

/**
 * A host with what its owner may put before the domain shown lighter: login.bank.example before evil.test. The domain is taken
 * to be of two labels, or of three under such as co.uk: it is only a hint for the eye, nothing is decided by it.
 */
export function hostName (host: string): Html {
  const labels = host.split('.')
  const isAddress = /^[\d.:]+$/.test(host) || host.startsWith('[')
  const ofDomain = /^\.[a-z]{2,3}\.[a-z]{2}(?::\d+)?$/i.test(`.${labels.slice(-2).join('.')}`) ? 3 : 2
  if (isAddress || labels.length <= ofDomain) return html`<bdi>${host}</bdi>`
  return html`<bdi><span class="before">${labels.slice(0, -ofDomain).join('.')}.</span>${labels.slice(-ofDomain).join('.')}</bdi>`
}

/** Where the person will be sent, as a noun. */
export function destination ({ host, kind }: Destination): Html {
  if (kind === 'loopback') return html`a program on this device <span class="small">(<bdi>${host}</bdi>)</span>`
  if (kind === 'app') return html`the app that opens <bdi>${host}</bdi> links`
  return hostName(host)
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
