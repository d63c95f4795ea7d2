// Which place a ZIP code is. The data is shipped with the package: no network, but a quarter of a second to load,
// so it is loaded by the first lookup and not at boot.

export interface Place {
  /** City and state: `New York, NY`. */
  readonly name: string
  /** Undefined for military addresses (APO, FPO, DPO), which are abroad or at sea. */
  readonly coordinates: { readonly latitude: number, readonly longitude: number } | undefined
}

const MILITARY = new Set(['AA', 'AE', 'AP'])

/** Finds the place of a five-digit ZIP code; undefined when there is none. */
export async function findPlace (zip: string): Promise<Place | undefined> {
  const { default: zipcodes } = await import('zipcodes')
  const found = zipcodes.lookup(zip)
  if (found === undefined) return undefined
  const { city, state, latitude, longitude } = found
  return { name: `${city}, ${state}`, coordinates: MILITARY.has(state) ? undefined : { latitude, longitude } }
}
