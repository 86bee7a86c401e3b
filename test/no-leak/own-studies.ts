import type { Browser } from '../support/browser.ts'
import * as facts from './facts.ts'
import type { World } from './world.ts'

/** An account for each patient who has none; answers who signs in for whom. */
export const addPatientAccounts = async ({ everything }: World): Promise<ReadonlyMap<string, readonly string[]>> => {
  const others = facts.patients.map(([id]) => id).filter(id => id !== 'ann' && !facts.joined.includes(id))
  for (const id of others) {
    const link = [{ target: { reference: `Patient/${id}` } }]
    await everything('PUT', `Person/person-${id}`, { resourceType: 'Person', id: `person-${id}`, link })
  }
  return new Map([
    ...['ann', ...others].map(id => [`person-${id}`, [id]] as const),
    ['person-pat', facts.joined] as const,
  ])
}

/** Choices on the page of a study to share heart rate from a day on, and nothing else. */
export const heartsFrom = async (browser: Browser, study: string, day: string) => {
  const { body } = await browser.get(`/sharing/${study}`)
  const names = new Set(
    [...body.matchAll(/<input [^>]*type="radio" [^>]*name="([^"]*)"/g)].map(([, name = '']) => name),
  )
  const hearts = `${facts.heartRate}@any`
  const chosen = [...names].map(name => [name, name === hearts ? 'yes' : 'no'])
  return { ...Object.fromEntries(chosen), [`${hearts}-from`]: day } as Readonly<Record<string, string>>
}
