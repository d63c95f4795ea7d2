// A page that says one thing, and what to do next.
import { type Content, html } from './html.ts'
import { layout } from './layout.ts'

export interface Notice {
  readonly serverName: string
  /** What has happened, in a few words. */
  readonly title: string
  /** What to do. */
  readonly text: Content
  /** The page that says how to connect, as a path. */
  readonly home: string
  /** By which the log has it. */
  readonly requestId?: string
}

export function noticePage ({ serverName, title, text, home, requestId }: Notice): string {
  return layout(serverName, title, html`
<h1>${title}</h1>
<p>${text}</p>
<p class="small"><a href="${home}">How to connect an assistant</a></p>
${requestId !== undefined && html`<p class="small">If you ask for help, give this number: <code>${requestId}</code></p>`}`)
}

/** Whether whoever asks shows pages to a person: a browser says so, and no MCP client does. */
export const wantsPage = (accept = ''): boolean => accept.includes('text/html') && !accept.includes('text/event-stream') && !accept.includes('application/json')
