// Markdown as the reference pages need it.

/** A table; cells are one line each, and may hold Markdown. */
export function table (head: string[], rows: string[][]): string {
  return [line(head), `|${' --- |'.repeat(head.length)}`, ...rows.map(line)].join('\n')
}

const line = (cells: string[]): string => `| ${cells.map(cell => cell.replaceAll('|', '\\|').split('\n').map(part => part.trim()).join(' ')).join(' | ')} |`

export const code = (text: string): string => text === '' ? '' : `\`${text}\``

/** Says in a page's source where it comes from. */
export const generated = (from: string): string => `<!-- Generated from ${from} by \`./mcpx docs\`; changes made here are lost. -->`

export interface Block { readonly language: string, readonly code: string }

/** The text of a page without its blocks of code, and these. */
export function parts (page: string): { prose: string, blocks: Block[] } {
  const prose: string[] = []
  const blocks: Block[] = []
  let open: { language: string, lines: string[] } | undefined
  for (const line of page.split('\n')) {
    const isFence = line.trimStart().startsWith('```')
    if (open === undefined && isFence) open = { language: line.trim().slice(3), lines: [] }
    else if (open === undefined) prose.push(line)
    else if (!isFence) open.lines.push(line)
    else {
      blocks.push({ language: open.language, code: open.lines.join('\n') })
      open = undefined
    }
  }
  return { prose: prose.join('\n'), blocks }
}

export interface Heading { readonly level: number, readonly title: string, readonly anchor: string }

/** The headings of a page, with the anchors that GitHub gives them. */
export function headings (page: string): Heading[] {
  const seen = new Map<string, number>()
  return parts(page).prose.split('\n').filter(line => /^#{1,6} /.test(line)).map(line => {
    const level = line.indexOf(' ')
    const title = line.slice(level).trim().replaceAll(/\[([^\][]*)\]\([^()]*\)/g, '$1')
    const slug = title.toLowerCase().replaceAll(/[^\p{L}\p{N} _-]/gu, '').replaceAll(' ', '-')
    const times = seen.get(slug) ?? 0
    seen.set(slug, times + 1)
    return { level, title, anchor: times === 0 ? slug : `${slug}-${times}` }
  })
}
