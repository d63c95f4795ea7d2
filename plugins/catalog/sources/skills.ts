// The folders of SKILLS_DIR as skills (SEP-2640): the SDK reads them and answers for them, the catalog lists them.
import { stat } from 'node:fs/promises'
import path from 'node:path'
import { McpServer, type ReadResourceResult, type ResourceTemplate, type Variables } from '@modelcontextprotocol/server'
import { SkillCatalogError, type SkillCatalogOptions, type SkillsExtension } from '@modelcontextprotocol/server/ext/skills'
import { loadSkills } from '@modelcontextprotocol/server/ext/skills/node'
import type { FastifyBaseLogger } from 'fastify'
import { ConfigurationError } from '../../../lib/configuration-error.ts'
import { requireTrusted } from '../../../lib/trusted-files.ts'
import type { Catalog } from '../catalog.ts'
import type { CallContext } from '../contract.ts'

type Read = (uri: URL, variables: Variables, ctx: unknown) => Promise<ReadResourceResult>

/**
 * Loads the skills of a folder, and registers their files as resources.
 * @throws ConfigurationError when the folder cannot be read, or a skill in it is not valid
 */
export async function openSkills (folder: string, catalog: Catalog, ttlMs: number, log: FastifyBaseLogger): Promise<SkillsExtension> {
  requireTrusted(folder, 'SKILLS_DIR', true) // what a model is told to do
  const cacheHint = { ttlMs, cacheScope: 'public' } as const
  const skills = await load(folder, { cacheHint, strict: true, onWarning: ({ path: skill, message }) => log.warn({ skill }, message) })
  // A server that only hands on what it is told to register, so that both lanes find it in the catalog.
  const listener = new McpServer({ name: 'skills', version: '1' })
  await catalog.registrar('SKILLS_DIR').replace(mcp => {
    listener.registerResource = ((name: string, template: ResourceTemplate, _config: unknown, read: Read) => {
      mcp.registerResource(name, template, { title: 'Skill files' }, async (uri, variables, ctx: CallContext) => {
        const result = await read(uri, variables, ctx)
        return ctx.era === '2026' ? { ...result, ...cacheHint } : result
      })
    }) as unknown as McpServer['registerResource']
    skills.attach(listener)
  })
  return skills
}

async function load (folder: string, options: SkillCatalogOptions): Promise<SkillsExtension> {
  try {
    if (!(await stat(folder)).isDirectory()) throw new Error('it is not a folder')
    return await loadSkills(folder, options)
  } catch (error) {
    if (!(error instanceof SkillCatalogError)) throw new ConfigurationError([`SKILLS_DIR: the folder ${folder} cannot be read: ${(error as Error).message}`], { cause: error })
    throw new ConfigurationError(error.problems.map(problem => `${path.join(folder, problem.path)}: ${problem.message}`), { cause: error })
  }
}
