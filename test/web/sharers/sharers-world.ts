import type { Consent } from '@medplum/fhirtypes'
import { systems } from '../../../src/fhir/canonical.ts'
import type { Shown } from '../../support/browser.ts'
import { clinicalConsent } from '../../support/clinical-consent.ts'
import { openTenants } from '../tenants.ts'

/** Staff of two tenants, and patients of one of them who share with those of the other. */
export const openSharers = async () => {
  const world = await openTenants()
  const { clinic, create, patientToken, update, lab } = world

  /** Somebody whom nobody in the lab may read; `by` the lab, its members may. */
  const patient = async (name: string, by: Pick<typeof clinic, 'organization' | 'manager'> = clinic) => {
    const { id } = await create(by.manager, {
      resourceType: 'Patient',
      name: [{ family: name, given: ['Pia'] }],
      managingOrganization: { reference: `Organization/${by.organization}` },
    })
    const self = await patientToken(id, 'patient/*.cruds patient/Consent.cruds')
    const give = (given: Parameters<typeof clinicalConsent>[1]) => create(self, clinicalConsent(id, given))
    const change = (consent: Consent, more: Partial<Consent>) => update(self, { ...consent, ...more })
    const measure = (code: string, at: string, value: number, unit: string, device?: string) =>
      create('everything', {
        resourceType: 'Observation',
        status: 'final',
        code: { coding: [{ system: systems.loinc, code }] },
        subject: { reference: `Patient/${id}` },
        effectiveDateTime: at,
        ...(device !== undefined && { device: { reference: `Device/${device}` } }),
        valueQuantity: { value, unit, system: systems.ucum, code: unit },
      })
    return { id, self, give, change, measure, code: id.replaceAll('-', '').slice(-8).toUpperCase() }
  }
  /** A clinician of the lab with a browser: their Practitioner, and the browser. */
  const clinician = async (organizations: string | readonly string[] = lab.organization) => {
    const person = await world.staff(organizations, 'viewer')
    const { link = [] } = (await world.send('everything', 'GET', `Person/${person}`)).json()
    const [practitioner = ''] = link.map(({ target }: { target: { reference: string } }) => target.reference)
    return { person, practitioner: practitioner as string, browser: await world.browserOf(person) }
  }
  return { ...world, patient, clinician }
}

/** The items of the list: to which Consent they lead, and their words. */
export const itemsOf = ({ body }: Pick<Shown, 'body'>): readonly (readonly [consent: string, words: string])[] =>
  [...body.matchAll(/<li class="list-group-item[^>]*>([\s\S]*?)<\/li>/g)].map(([, item = '']) => [
    /href="\/shared\/([^"?]+)\?back=/.exec(item)?.[1] ?? '',
    item
      .replace(/<time datetime="([^"]*)">[^<]*<\/time>/g, '$1')
      .replace(/<[^>]*>/g, ' ')
      .replace(/[\u2066-\u2069]/g, '')
      .replace(/\s+/g, ' ')
      .trim(),
  ])

type Chart = { readonly title: string; readonly lines?: readonly { readonly mean: readonly (number | null)[] }[] }

/** What the charts of a page draw: their titles, with all numbers. */
export const chartsOf = ({ body }: Pick<Shown, 'body'>): readonly (readonly [title: string, numbers: number[]])[] =>
  [...body.matchAll(/data-chart="([^"]*)"/g)].map(([, text = '']) => {
    const { title, lines = [] }: Chart = JSON.parse(text.replaceAll('&quot;', '"'))
    return [title, lines.flatMap(({ mean }) => mean.filter(one => one !== null))]
  })
