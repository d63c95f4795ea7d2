// Runs calls in the background (SEP-2663): what a client is told of them afterwards is what the database says.
import { randomBytes } from 'node:crypto'
import { isInputRequiredResult, ProtocolError, ProtocolErrorCode } from '@modelcontextprotocol/server'
import type { FastifyBaseLogger } from 'fastify'
import type { Kysely } from 'kysely'
import type { Budget } from '../../../lib/budget.ts'
import { now, nowMs } from '../../../lib/clock.ts'
import { bodyBytes, callerOf } from '../../budgets.ts'
import type { Database, TaskRow } from '../../db/schema.ts'
import { scopesOf } from '../../auth/policy.ts'
import type { Item } from '../../auth/principal.ts'
import { type Limits, runTool } from '../calls/call.ts'
import { type Carrier, type Outcome, REVOKED } from '../calls/call-scope.ts'
import { permit } from '../calls/permission.ts'
import type { Catalog } from '../catalog.ts'
import type { RegisteredTool } from '../registered.ts'
import { ToolError } from '../contract.ts'
import { type Caller, ownerOf, type Round, TaskCarrier } from './carrier.ts'
import { ask, settle } from './input.ts'
import { type CreatedTask, createdTask, type DetailedTask, detailedTask } from '../task.ts'
import { type Bounds, cancelRevoked, cancelTask, changeTask, changeWorking, createTask, failLost, findTask, LEASE, lost, ownedTasks, purgeTasks, renewLeases, revoked } from './store.ts'
import { TaskWatch } from './watch.ts'

// 192 bits: without sign-in the id alone keeps a task from strangers.
const ID_BYTES = 24
const RENEW_MS = LEASE * 1000 / 3
const SWEEP_MS = 60_000

export interface TaskLimits extends Bounds {
  readonly ttlMs: number
  /** Where the requests are counted that are held while their tasks run. */
  readonly kept: Budget
}

interface Running { readonly carrier: TaskCarrier, readonly ended: Promise<void> }

export class TaskRunner {
  readonly #db: Kysely<Database>
  readonly #catalog: Catalog
  readonly #callLimits: Limits
  readonly #limits: TaskLimits
  readonly #log: FastifyBaseLogger
  readonly #running = new Map<string, Running>()
  readonly #watch: TaskWatch
  readonly #timer: NodeJS.Timeout
  #nextSweep = nowMs() + SWEEP_MS
  #closing = false

  constructor (db: Kysely<Database>, catalog: Catalog, callLimits: Limits, limits: TaskLimits, log: FastifyBaseLogger) {
    this.#db = db
    this.#catalog = catalog
    this.#callLimits = callLimits
    this.#limits = limits
    this.#log = log
    this.#watch = new TaskWatch(db, id => catalog.taskChanged(id), error => this.#report(error))
    this.#timer = setInterval(() => {
      this.#quietly(this.#renew())
      if (nowMs() >= this.#nextSweep) this.#quietly(this.#sweep())
    }, RENEW_MS).unref()
  }

  /**
   * Makes a task of a call, and begins it. Undefined when the caller has too many, and the tool can do without.
   * @throws ToolError when it cannot
   */
  async start (tool: RegisteredTool, args: unknown, carrier: Carrier): Promise<CreatedTask | undefined> {
    const { definition: { name }, config } = tool
    const { principal } = carrier.request
    if (principal?.isRevoked?.() === true) throw new ToolError(`${name} ${REVOKED.reason}`)
    const lifetimeMs = Math.max(this.#limits.ttlMs, config.timeoutMs ?? this.#callLimits.timeoutMs)
    const json = JSON.stringify(args)
    const row = await createTask(this.#db, {
      id: randomBytes(ID_BYTES).toString('base64url'),
      owner: ownerOf(carrier),
      grant_id: principal?.grantId ?? null,
      tool: name,
      arguments: json,
      caller: callerOf(carrier.request),
      bytes: Buffer.byteLength(json) + (config.maxResultBytes ?? this.#callLimits.maxResultBytes),
      expires_at: now() + Math.ceil(lifetimeMs / 1000)
    }, this.#limits)
    if (row !== undefined) this.#run(row, tool, args, carrier, { responses: carrier.inputResponses, state: carrier.requestState() })
    else if (config.task === 'required') throw new ToolError(`Your tasks are as many (${this.#limits.max}) or as large (${this.#limits.maxBytes} bytes together, each that runs with the largest result it may have) as they may be; they go when their time to live is over`)
    return row && createdTask(row)
  }

  /** A task of the caller, whose tool they may call; undefined for any other. */
  async find (caller: Caller, id: string): Promise<DetailedTask | undefined> {
    const row = await findTask(this.#db, ownerOf(caller), id)
    return row && this.#catalog.may(caller.request, this.#item(row)) ? detailedTask(row) : undefined
  }

  /** Which of these are tasks of the caller, whose tools they may call, in their order. */
  async known (caller: Caller, ids: readonly string[]): Promise<string[]> {
    const owned = await ownedTasks(this.#db, ownerOf(caller), ids)
    return ids.filter(id => {
      const row = owned.get(id)
      return row !== undefined && this.#catalog.may(caller.request, this.#item(row))
    })
  }

  /** Has changes of tasks told here that another process on the same database makes, until what it answers is called. */
  watch (ids: readonly string[]): () => void { return this.#watch.add(ids) }

  /** @throws ProtocolError -32602 when the caller has no such task */
  async get (carrier: Carrier, id: string): Promise<DetailedTask> {
    return detailedTask(await this.#find(carrier, id))
  }

  /**
   * Takes answers to what a task has asked, and goes on with it once it has all of them. Others are ignored.
   * @throws ProtocolError -32602 when the caller has no such task
   */
  async update (carrier: Carrier, id: string): Promise<void> {
    for (;;) {
      const row = await this.#find(carrier, id)
      const settled = settle(row, carrier.inputResponses ?? {})
      if (settled === undefined) return
      const { left, responses } = settled
      if (Buffer.byteLength(JSON.stringify(responses)) > this.#callLimits.maxResultBytes) throw new ProtocolError(ProtocolErrorCode.InvalidParams, `Invalid params for tasks/update: the answers have more than ${this.#callLimits.maxResultBytes} bytes together`)
      const more = Object.keys(left).length > 0
      const changed = await changeTask(this.#db, row, more
        ? { input_requests: JSON.stringify(left), input_responses: JSON.stringify(responses) }
        : { status: 'working', input_requests: null, input_responses: null, request_state: null, lease_until: now() + LEASE, grant_id: carrier.request.principal?.grantId ?? null })
      if (!changed) continue // another update, or the end of the task, came between
      this.#catalog.taskChanged(id)
      if (!more) await this.#resume(row, carrier, { responses, state: row.request_state === null ? undefined : JSON.parse(row.request_state) })
      return
    }
  }

  /** @throws ProtocolError -32602 when the caller has no such task */
  async cancel (carrier: Carrier, id: string): Promise<void> {
    await this.#find(carrier, id)
    if (!await cancelTask(this.#db, id)) return
    this.#running.get(id)?.carrier.abort()
    this.#catalog.taskChanged(id)
  }

  /** Ends the tasks of grants that were revoked, those too that wait for an answer. */
  revoke (grants: readonly string[]): void {
    this.#quietly(this.#revoke(grants))
  }

  /** Ends every task that runs here, and waits until the database knows. */
  async close (): Promise<void> {
    this.#closing = true
    clearInterval(this.#timer)
    this.#watch.close()
    const running = [...this.#running.values()]
    for (const { carrier } of running) carrier.abort()
    await Promise.all(running.map(({ ended }) => ended))
  }

  async #find (carrier: Carrier, id: string): Promise<TaskRow> {
    const row = await findTask(this.#db, ownerOf(carrier), id)
    const unknown = (): Error => new ProtocolError(ProtocolErrorCode.InvalidParams, 'Task not found: it has expired, or never was')
    if (row === undefined) throw unknown()
    permit(this.#catalog, this.#item(row), carrier, unknown)
    return row
  }

  /** What a task takes: what its tool takes, or any tool of that name where that one is gone. */
  #item ({ tool }: Pick<TaskRow, 'tool'>): Item { return this.#catalog.tools.get(tool) ?? { kind: 'tools', name: tool, readsOnly: false, scopes: scopesOf(undefined) } }

  async #resume (row: TaskRow, carrier: Carrier, round: Round): Promise<void> {
    const tool = this.#catalog.tools.get(row.tool)
    const args: unknown = JSON.parse(row.arguments)
    const problem = tool === undefined ? `Unknown tool: ${row.tool}` : tool.validateArguments(args)
    // The server may have been started anew since, with other tools.
    if (tool === undefined || problem !== undefined) await this.#fail(row.id, new ProtocolError(ProtocolErrorCode.InvalidParams, problem ?? ''))
    else this.#run(row, tool, args, carrier, round)
  }

  #run ({ id, rounds }: TaskRow, tool: RegisteredTool, args: unknown, client: Carrier, round: Round): void {
    const carrier = new TaskCarrier(tool.definition.name, client, round, text => this.#quietly(this.#change(id, { status_message: text })))
    const hold = this.#limits.kept.take(callerOf(client.request), bodyBytes(client.request), () => {
      this.#quietly(this.#fail(id, new ProtocolError(ProtocolErrorCode.InternalError, 'The task was ended: the server had to make room, and its caller had most')))
      carrier.abort()
    })
    hold?.keep(true)
    const ended = this.#work(id, rounds, tool, args, carrier)
      .catch((error: unknown) => this.#fail(id, error))
      .catch((error: unknown) => this.#log.error({ err: error, task: id }, 'the end of a task could not be stored'))
      .finally(() => {
        this.#running.delete(id)
        hold?.release()
      })
    this.#running.set(id, { carrier, ended })
  }

  async #work (id: string, rounds: number, tool: RegisteredTool, args: unknown, carrier: TaskCarrier): Promise<void> {
    const started = performance.now()
    const { result, json } = await runTool(this.#catalog, this.#callLimits, tool, args, carrier)
    const outcome: Outcome | undefined = carrier.outcome
    carrier.log.info({ task: id, tool: tool.definition.name, outcome, ms: Math.round(performance.now() - started) }, 'task')
    if (isInputRequiredResult(result)) await this.#change(id, ask(result, rounds + 1, carrier))
    else if (outcome === 'shutdown' || (outcome === 'cancelled' && this.#closing)) await this.#change(id, lost)
    else if (outcome === 'revoked') await this.#change(id, revoked)
    else if (outcome !== 'cancelled') await this.#change(id, { status: 'completed', status_message: null, outcome: json ?? null })
  }

  /** A JSON-RPC error fails the task; whatever a tool says of itself completes it. */
  async #fail (id: string, error: unknown): Promise<void> {
    const known = error instanceof ProtocolError
    if (!known) this.#log.error({ err: error, task: id }, 'task failed')
    const { code, message, data } = known ? error : { code: ProtocolErrorCode.InternalError, message: 'Internal error', data: undefined }
    await this.#change(id, { status: 'failed', status_message: message, outcome: JSON.stringify({ code, message, data }) })
  }

  async #revoke (grants: readonly string[]): Promise<void> {
    for (const id of await cancelRevoked(this.#db, grants)) {
      this.#running.get(id)?.carrier.abort(REVOKED)
      this.#catalog.taskChanged(id)
    }
  }

  async #change (id: string, change: Parameters<typeof changeWorking>[2]): Promise<void> {
    if (await changeWorking(this.#db, id, change)) this.#catalog.taskChanged(id)
  }

  /** Keeps the tasks that run here, and stops those that were cancelled elsewhere or have expired. */
  async #renew (): Promise<void> {
    if (this.#running.size === 0) return
    const ids = [...this.#running.keys()]
    const kept = await renewLeases(this.#db, ids)
    for (const id of ids) if (!kept.has(id)) this.#running.get(id)?.carrier.abort()
  }

  async #sweep (): Promise<void> {
    this.#nextSweep = nowMs() + SWEEP_MS
    for (const id of await failLost(this.#db)) this.#catalog.taskChanged(id)
    await purgeTasks(this.#db)
  }

  #quietly (work: Promise<void>): void {
    work.catch((error: unknown) => this.#report(error))
  }

  #report (error: unknown): void { this.#log.error({ err: error }, 'tasks could not be updated') }
}
