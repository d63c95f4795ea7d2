// What axe-core finds wrong with a page in Chromium, by the rules of WCAG 2.2 AA and by what is good practice.
import axe from 'axe-core'
import type { CDPSession, Page } from 'playwright-core'

const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']

/** One line for each element that breaks a rule. */
export async function accessibilityFaults (page: Page, session: CDPSession): Promise<string[]> {
  // By the debugger, as the policy of our pages lets no script in that the page itself would load.
  await session.send('Runtime.evaluate', { expression: axe.source })
  return await page.evaluate(async rules => {
    const { axe: inPage } = globalThis as unknown as { axe: typeof axe }
    const { violations } = await inPage.run(document, { runOnly: rules, resultTypes: ['violations'] })
    return violations.flatMap(({ id, help, nodes }) => nodes.map(({ html }) => `${id}: ${help}: ${html}`))
  }, RULES)
}
