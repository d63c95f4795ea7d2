// Strangers who try to sign in, as fast as they are told to, while the owner does.
import type { Test } from 'tap'
import { COST, setHashingCost } from '../../plugins/accounts/password.ts'
import { createUser } from '../../plugins/accounts/users.ts'
import { startServer } from '../server.ts'
import { Authorization } from '../oauth/authorization.ts'
import { formOf, isPage } from '../oauth/person.ts'

setHashingCost(COST) // what strangers make the server do

export const OWNER = { username: 'anna', password: 'correct horse battery' }

/** A browser at an address, as a proxy on this machine tells it. */
export class Browser {
  readonly #authorization: Authorization
  readonly #cookies = new Map<string, string>()
  readonly #headers: Record<string, string>

  constructor (authorization: Authorization, address: string) {
    this.#authorization = authorization
    this.#headers = { 'x-forwarded-for': address }
  }

  /** Opens the page and sends its form: the status of the answer, and how long both took. */
  async signIn (username: string, password: string): Promise<{ status: number, ms: number }> {
    const began = performance.now()
    const send = await this.form()
    const status = typeof send === 'number' ? send : await send(username, password)
    return { status, ms: performance.now() - began }
  }

  /** Opens the page, and answers how to send its form; the status where there is none. */
  async form (): Promise<number | ((username: string, password: string) => Promise<number>)> {
    const url = this.#authorization.url({ prompt: 'login' })
    const opened = await this.#fetch(url)
    const page = { status: opened.status, url, headers: opened.headers, html: await opened.text() }
    if (!isPage(page) || page.status !== 200) return page.status
    const { action, hidden } = formOf(page)
    return async (username, password) => {
      const body = new URLSearchParams({ ...hidden, username, password }).toString()
      const answer = await this.#fetch(action, { method: 'POST', body, headers: { 'content-type': 'application/x-www-form-urlencoded' } })
      await answer.text()
      return answer.status
    }
  }

  async #fetch (url: string, init: RequestInit = {}): Promise<Response> {
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const response = await fetch(url, { ...init, redirect: 'manual', headers: { ...this.#headers, ...init.headers as Record<string, string>, ...(cookie && { cookie }) } })
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      this.#cookies.set(name, value)
    }
    return response
  }
}

/** A server with an owner, and how to open browsers of its one client. */
export async function besieged (t: Test) {
  const { app, origin, log } = await startServer(t, { AUTH_MODE: 'oauth', LOG_LEVEL: 'info' })
  await createUser(app.db, OWNER.username, OWNER.password)
  const authorization = await new Authorization(origin).register()
  return { app, log, browser: (address: string) => new Browser(authorization, address) }
}

/** Sends the form every so often from one browser, whatever is answered; what was answered, by status. */
export async function besiege (browser: Browser, everyMs: number, nameOf: (attempt: number) => string): Promise<{ end: () => Promise<Record<number, number>> }> {
  const send = await browser.form()
  if (typeof send === 'number') throw new Error(`the page was answered with ${send}`)
  const answers: Record<number, number> = {}
  const pending = new Set<Promise<void>>()
  let attempts = 0
  const timer = setInterval(() => {
    const one = (async () => {
      const status = await send(nameOf(attempts++), `guess ${attempts}`)
      answers[status] = (answers[status] ?? 0) + 1
    })()
    pending.add(one)
  }, everyMs)
  return {
    async end () {
      clearInterval(timer)
      await Promise.all(pending)
      return answers
    }
  }
}
