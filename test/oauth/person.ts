// A person at a browser without JavaScript: follows pages, fills in forms, keeps cookies, and ends where the client is called back.

export interface Credentials { username?: string, password?: string }

export const DEFAULT_USER = { username: 'mcpuser', password: 'OMG!letmein' }

export interface Page { status: number, url: string, headers: Headers, html: string }

export class Person {
  readonly #cookies = new Map<string, string>()
  readonly #origin: string

  /** @param origin the server's own address; anywhere else is a client */
  constructor (origin: string) {
    this.#origin = origin
  }

  /** Opens an authorization URL, signs in and decides: answers the URL at which the client is called back. */
  async authorize (url: string | URL, { username, password }: Credentials = DEFAULT_USER, decision: 'allow' | 'deny' = 'allow'): Promise<URL> {
    let page = await this.open(String(url))
    if (isPage(page) && page.html.includes('name="password"')) page = await this.submit(page, { username: username ?? '', password: password ?? '' })
    if (isPage(page) && page.html.includes('name="decision"')) page = await this.submit(page, { decision })
    const next = page instanceof URL ? page : refreshOf(page)
    if (next === undefined) throw new Error(`the sign-in did not come to an end: ${isPage(page) ? `${page.status} ${page.html.replace(/<style.*?<\/style>/s, '')}` : ''}`)
    return next
  }

  /** Follows redirects on the server; one to anywhere else is answered as a URL. */
  async open (url: string, init: RequestInit = {}): Promise<Page | URL> {
    const target = new URL(url, this.#origin)
    if (target.origin !== this.#origin) return target
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const response = await fetch(target, { ...init, redirect: 'manual', headers: { ...init.headers as Record<string, string>, ...(cookie && { cookie }) } })
    for (const line of response.headers.getSetCookie()) this.#keep(line)
    const location = response.headers.get('location')
    const html = await response.text()
    if (location !== null && response.status >= 300 && response.status < 400) return await this.open(new URL(location, target).href)
    return { status: response.status, url: target.href, headers: response.headers, html }
  }

  /** Sends the page's form with its hidden fields and these. */
  async submit (page: Page, fields: Record<string, string>): Promise<Page | URL> {
    const form = formOf(page)
    const ticked = Object.fromEntries([...page.html.matchAll(/<input type="checkbox"[^>]* checked>/g)].map(([input]) => [attribute(input, 'name'), 'on']))
    return await this.open(form.action, { method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: new URLSearchParams({ ...form.hidden, ...ticked, ...fields }).toString() })
  }

  #keep (line: string): void {
    const [pair = '', ...attributes] = line.split(';')
    const [name = '', value = ''] = pair.split('=', 2)
    if (value === '' || attributes.some(attribute => attribute.trim().toLowerCase() === 'max-age=0')) this.#cookies.delete(name)
    else this.#cookies.set(name, value)
  }
}

export const isPage = (page: Page | URL): page is Page => !(page instanceof URL)

/** The last form of a page: where it goes and what it carries unseen. */
export function formOf ({ html, url }: Page): { action: string, hidden: Record<string, string> } {
  const action = /<form[^>]*\baction="([^"]*)"/.exec(html)?.[1]
  if (action === undefined) throw new Error('the page has no form')
  const hidden = [...html.matchAll(/<input[^>]*type="hidden"[^>]*>/g)].map(([input]) => [attribute(input, 'name'), attribute(input, 'value')])
  return { action: new URL(unescapeHtml(action), url).href, hidden: Object.fromEntries(hidden) }
}

/** Where a page goes on to by itself. */
function refreshOf (page: Page): URL | undefined {
  const content = /<meta http-equiv="refresh" content="0;\s*url=([^"]*)"/i.exec(page.html)?.[1]
  return content === undefined ? undefined : new URL(unescapeHtml(content).replace(/^'|'$/g, ''), page.url)
}

const attribute = (tag: string, name: string): string => unescapeHtml(new RegExp(`\\b${name}="([^"]*)"`).exec(tag)?.[1] ?? '')

const unescapeHtml = (text: string): string => text.replace(/&(amp|lt|gt|quot|#39|#x27);/g, (_, name: string) => ({ amp: '&', lt: '<', gt: '>', quot: '"' })[name] ?? "'")
