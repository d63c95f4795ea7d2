// What browsers may do with our pages, as settings of @fastify/helmet: registered where pages are served, and nowhere else.
import { createHash } from 'node:crypto'
import type { FastifyHelmetOptions } from '@fastify/helmet'
import { STYLE } from './style.ts'

const style = createHash('sha256').update(STYLE).digest('base64')

/** One stylesheet, forms to ourselves, in no frame: everything else is off. Transport security is of the whole server, and set elsewhere. */
export const pagePolicy: FastifyHelmetOptions = Object.freeze({
  contentSecurityPolicy: {
    useDefaults: false,
    directives: { defaultSrc: ["'none'"], styleSrc: [`'sha256-${style}'`], imgSrc: ["'self'"], formAction: ["'self'"], frameAncestors: ["'none'"], baseUri: ["'none'"] }
  },
  xFrameOptions: { action: 'deny' }, // for browsers that do not know frame-ancestors (RFC 9700 section 4.16)
  // Nothing goes to other sites. With no-referrer a form post to ourselves would come with `Origin: null` (Fetch, "append a request Origin header").
  referrerPolicy: { policy: 'same-origin' },
  // Clients that open the sign-in in a window of its own lose hold of it under any other value, also after it has left for their callback.
  crossOriginOpenerPolicy: { policy: 'unsafe-none' },
  strictTransportSecurity: false,
  // For plug-ins and browsers that are no more.
  xDownloadOptions: false,
  xPermittedCrossDomainPolicies: false,
  xXssProtection: false
} as const)
