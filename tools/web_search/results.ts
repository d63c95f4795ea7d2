// From a model's answer to search results. Models invent URLs, so a result counts only if the API itself reported its URL.
import type { Response } from 'openai/resources/responses/responses'

export interface SearchResult { readonly title: string, readonly url: string, readonly snippet: string }

/** What the model is made to answer with (structured output, strict). */
export const answerSchema = {
  type: 'object',
  properties: {
    results: {
      type: 'array',
      items: {
        type: 'object',
        properties: {
          title: { type: 'string', description: 'Title of the page' },
          url: { type: 'string', description: 'URL of the page, exactly as the search gave it' },
          snippet: { type: 'string', description: 'What the page says about the query, in one to three sentences' }
        },
        required: ['title', 'url', 'snippet'],
        additionalProperties: false
      }
    }
  },
  required: ['results'],
  additionalProperties: false
}

/**
 * Results in the model's order, each with a URL that the API reported: what it lists, then what it only cites.
 * Titles and snippets are the model's words; the URL is the API's.
 */
export function provenResults (response: Response, most: number): SearchResult[] {
  const reported = reportedUrls(response)
  const results = new Map<string, SearchResult>()
  for (const { title, url, snippet } of [...listed(response), ...cited(response)]) {
    const key = identity(url)
    const proven = key === undefined ? undefined : reported.get(key)
    if (key === undefined || proven === undefined || results.has(key)) continue
    results.set(key, { title: line(title, 200) || new URL(proven).hostname, url: proven, snippet: line(snippet, 600) })
  }
  return [...results.values()].slice(0, most)
}

/** Every URL among the sources of the searches and the citations of the answer, by its identity. */
function reportedUrls ({ output }: Response): Map<string, string> {
  const urls = new Map<string, string>()
  const add = (url: unknown): void => {
    const key = identity(url)
    if (key !== undefined && !urls.has(key)) urls.set(key, url as string)
  }
  for (const item of output ?? []) {
    // Some sources are data feeds, which have a name and no URL.
    if (item.type === 'web_search_call' && item.action?.type === 'search') for (const source of item.action.sources ?? []) add(source.url)
  }
  for (const { url } of cited({ output })) add(url)
  return urls
}

function listed ({ output }: Response): SearchResult[] {
  try {
    const { results } = JSON.parse(textParts({ output }).map(part => part.text).join('')) as { results?: unknown }
    return Array.isArray(results) ? results.filter(result => typeof result === 'object' && result !== null) : []
  } catch {
    return [] // a model or a compatible API that ignores the schema answers in prose: its citations are left
  }
}

function cited ({ output }: Pick<Response, 'output'>): SearchResult[] {
  return textParts({ output }).flatMap(({ annotations }) => (annotations ?? []).flatMap(annotation =>
    annotation.type === 'url_citation' ? [{ title: annotation.title, url: annotation.url, snippet: '' }] : []))
}

function textParts ({ output }: Pick<Response, 'output'>) {
  return (output ?? []).flatMap(item => item.type === 'message' ? item.content ?? [] : []).filter(part => part.type === 'output_text')
}

/** What two spellings of one page's URL have in common; undefined for what a reader should not be sent to. */
function identity (url: unknown): string | undefined {
  if (typeof url !== 'string' || /[\s\p{C}]/u.test(url) || !URL.canParse(url)) return undefined
  const parsed = new URL(url)
  if (!/^https?:$/.test(parsed.protocol)) return undefined
  parsed.hash = ''
  // Citations carry this mark, sources do not.
  if (/^(openai|chatgpt\.com)$/.test(parsed.searchParams.get('utm_source') ?? '')) parsed.searchParams.delete('utm_source')
  return parsed.href.replace(/\/$/, '')
}

/** Text on one line, without the citation marks that structured output leaves in it (private-use characters around a reference). */
function line (text: unknown, most: number): string {
  if (typeof text !== 'string') return ''
  const clean = text.replace(/\u{e200}[^\u{e201}]{0,200}\u{e201}/gu, '').replace(/[\p{C}\s]+/gu, ' ').trim()
  return clean.length <= most ? clean : `${clean.slice(0, most - 1).trimEnd()}…`
}
