// A browser in which a person has signed in before holds a cookie that says so ("device cookie", OWASP: Slow Down Online
// Guessing Attacks with Device Cookies). Its failures are counted by themselves, so that whoever guesses elsewhere does not
// delay the person. It lets nobody in, and it ends with the password.
import { createHmac, randomBytes } from 'node:crypto'
import { now, type Seconds } from '../../lib/clock.ts'
import { equalConstantTime } from '../../lib/digest.ts'
import type { User } from '../db/schema.ts'

/** From the last sign-in. */
export const DEVICE_LIFETIME: Seconds = 180 * 86_400
const MAX_LENGTH = 300

export interface Device {
  readonly id: string
  readonly userId: number
  /** Tells of which password of the user it is, without telling anything about that. */
  readonly passwordMark: string
}

/**
 * The cookie's value for a browser in which a user has just signed in.
 * @param key `deriveKey('device')`
 * @param id the device's own, where it is one of this user already
 */
export function deviceCookie (key: Buffer, user: User, id: string = randomBytes(16).toString('base64url')): string {
  const content = [user.id, id, markOf(key, user), now() + DEVICE_LIFETIME].join('.')
  return `${content}.${sign(key, content)}`
}

/** What a cookie says, if it was made here and has not ended: no query is needed to know that. */
export function readDevice (key: Buffer, cookie: string | undefined): Device | undefined {
  if (cookie === undefined || cookie.length > MAX_LENGTH) return undefined
  const [, content = '', userId, id = '', passwordMark = '', expiresAt, signature = ''] = /^((\d+)\.([\w-]+)\.([\w-]+)\.(\d+))\.([\w-]+)$/.exec(cookie) ?? []
  if (!equalConstantTime(signature, sign(key, content)) || Number(expiresAt) <= now()) return undefined
  return { id, userId: Number(userId), passwordMark }
}

/** Whether a device is one of this user, with the password that the user has now. */
export function isDeviceOf (key: Buffer, device: Device | undefined, user: User | undefined): boolean {
  return device !== undefined && user !== undefined && device.userId === user.id && equalConstantTime(device.passwordMark, markOf(key, user))
}

const markOf = (key: Buffer, user: User): string => createHmac('sha256', key).update(JSON.stringify(['password', user.id, user.password_hash])).digest('base64url').slice(0, 22)

const sign = (key: Buffer, content: string): string => createHmac('sha256', key).update(JSON.stringify(['device', content])).digest('base64url')
