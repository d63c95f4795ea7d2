// A binary heap whose members may change their rank: each knows where it is, so that moving one takes the time of a level.

export interface Member { at: number }

export class Heap<M extends Member> {
  readonly #members: M[] = []
  readonly #precedes: (a: M, b: M) => boolean

  constructor (precedes: (a: M, b: M) => boolean) {
    this.#precedes = precedes
  }

  get first (): M | undefined { return this.#members[0] }

  add (member: M): void {
    member.at = this.#members.push(member) - 1
    this.settle(member)
  }

  remove (member: M): void {
    const last = this.#members.pop()
    if (last === undefined || last === member) return
    this.#put(last, member.at)
    this.settle(last)
  }

  /** Moves a member whose rank has changed to where it belongs. */
  settle (member: M): void {
    for (let above = this.#above(member); above !== undefined && this.#precedes(member, above); above = this.#above(member)) this.#swap(member, above)
    for (let below = this.#below(member); below !== undefined && this.#precedes(below, member); below = this.#below(member)) this.#swap(member, below)
  }

  #above ({ at }: M): M | undefined { return at === 0 ? undefined : this.#members[(at - 1) >> 1] }

  #below ({ at }: M): M | undefined {
    const [left, right] = [this.#members[2 * at + 1], this.#members[2 * at + 2]]
    return left !== undefined && right !== undefined && this.#precedes(right, left) ? right : left
  }

  #swap (a: M, b: M): void {
    const { at } = a
    this.#put(a, b.at)
    this.#put(b, at)
  }

  #put (member: M, at: number): void {
    this.#members[at] = member
    member.at = at
  }
}
