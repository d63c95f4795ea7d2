// Certificates of an authority of the tests' own, made with openssl: good ones, and such as one meets on neglected servers.
import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'

const DAY_MS = 86_400_000
const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']

export interface Leaf {
  name?: string
  /** Days from now; in the past where negative. */
  from?: number
  to?: number
  /** Sends no intermediate certificate along. */
  alone?: boolean
  /** Signed by itself. */
  selfSigned?: boolean
}

export interface KeyPair { certificate: string, key: string }

export class Authority {
  readonly #folder: string
  #count = 0

  /** @param folder empty, and the test's own */
  constructor (folder: string) {
    this.#folder = folder
    mkdirSync(folder, { recursive: true })
    writeFileSync(this.#at('index.txt'), '')
    writeFileSync(this.#at('serial'), '1000')
    writeFileSync(this.#at('openssl.cnf'), `[ca]
default_ca = here
[here]
dir = ${folder}
new_certs_dir = ${folder}
database = ${folder}/index.txt
serial = ${folder}/serial
default_md = sha256
policy = any
copy_extensions = copy
unique_subject = no
[any]
commonName = supplied
[req]
distinguished_name = name
[name]
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
`)
    this.#openssl('req', '-x509', ...KEY, '-days', '3650', '-subj', '/CN=Root of the tests', '-extensions', 'authority', '-keyout', this.#at('root.key'), '-out', this.#at('root.pem'))
    this.#openssl('req', ...KEY, '-subj', '/CN=Intermediate of the tests', '-keyout', this.#at('intermediate.key'), '-out', this.#at('intermediate.csr'))
    this.#sign('root', 'intermediate', -1000, 1000, ['-extensions', 'authority'])
  }

  /** What clients have to trust. */
  get root (): string { return this.#at('root.pem') }

  issue ({ name = 'localhost', from = -30, to = 60, alone = false, selfSigned = false }: Leaf = {}): KeyPair {
    const leaf = `leaf${++this.#count}`
    const [key, chain] = [this.#at(`${leaf}.key`), this.#at(`${leaf}.chain.pem`)]
    const names = ['-subj', `/CN=${name}`, '-addext', `subjectAltName=DNS:${name}`]
    if (selfSigned) {
      this.#openssl('req', '-x509', ...KEY, ...names, '-days', '30', '-keyout', key, '-out', chain)
      return { certificate: chain, key }
    }
    this.#openssl('req', ...KEY, ...names, '-keyout', key, '-out', this.#at(`${leaf}.csr`))
    this.#sign('intermediate', leaf, from, to)
    const parts = alone ? [leaf] : [leaf, 'intermediate']
    writeFileSync(chain, parts.map(part => readFileSync(this.#at(`${part}.pem`), 'utf8')).join(''))
    return { certificate: chain, key }
  }

  #sign (by: string, subject: string, from: number, to: number, more: string[] = []): void {
    this.#openssl('ca', '-batch', '-notext', '-cert', this.#at(`${by}.pem`), '-keyfile', this.#at(`${by}.key`), '-in', this.#at(`${subject}.csr`),
      '-out', this.#at(`${subject}.pem`), '-startdate', time(from), '-enddate', time(to), ...more)
  }

  #openssl (command: string, ...args: string[]): void {
    execFileSync('openssl', [command, '-config', this.#at('openssl.cnf'), ...args], { stdio: ['ignore', 'ignore', 'pipe'] })
  }

  #at (file: string): string { return path.join(this.#folder, file) }
}

/** As ASN.1 writes it: 20261125120000Z. */
const time = (days: number): string => new Date(Date.now() + days * DAY_MS).toISOString().replace(/[-:T]|\.\d+/g, '')
