// What an entry of the catalogue says.

/** An entry of the catalogue. All of it is written for the operator. */
export interface Finding {
  /** A `problem` keeps some client out or some guard down; a `warning` will, or might. */
  readonly level: 'problem' | 'warning'
  /** What one sees of it. */
  readonly symptom: string
  readonly cause: string
  readonly fix: string
}
