import type { HumanName, Patient } from '@medplum/fhirtypes'
import { intervalOf } from '../../fhir/date.ts'
import { isObject } from '../../fhir/json.ts'
import type { Outbound } from '../../messages/outbound.ts'
import { genders } from '../../studies/patient/patient-fields.ts'

type Asked = { readonly issuer: string; readonly id: string; readonly accessToken: string }

/**
 * The Patient of a launch as we would save it: name, birth date, gender, and the one identifier by which this EHR knows them. Other identifiers,
 * links and organizations of the EHR's are left out, since they could name another's patient. Throws if the EHR does not answer with that very
 * Patient.
 */
export const fetchLaunchedPatient = async (
  outbound: Pick<Outbound, 'send'>,
  { issuer, id, accessToken }: Asked,
): Promise<Patient> => {
  if (!/^[A-Za-z0-9.-]{1,64}$/.test(id)) throw new Error('the launch names no id of a Patient')
  const answer = await outbound.send({
    url: `${issuer}/Patient/${id}`,
    method: 'GET',
    headers: { accept: 'application/fhir+json', authorization: `Bearer ${accessToken}` },
  })
  if (answer.status !== 200) throw new Error(`the Patient answered ${answer.status}`)
  const sent = parseJson(answer.body)
  if (!isObject(sent) || sent.resourceType !== 'Patient' || sent.id !== id)
    throw new Error('the EHR answered with something else than the Patient of the launch')
  return toPatient(issuer, id, sent)
}

const toPatient = (issuer: string, id: string, sent: Record<string, unknown>): Patient => {
  const names = (Array.isArray(sent.name) ? sent.name : []).filter(isObject).map(toName).filter(saysSomething)
  const gender = genders.find(one => one === sent.gender)
  const { birthDate } = sent
  return {
    resourceType: 'Patient',
    identifier: [{ system: `${issuer}/Patient`, value: id }],
    ...(names.length === 0 ? {} : { name: names.slice(0, mostNames) }),
    ...(gender === undefined ? {} : { gender }),
    ...(isDate(birthDate) ? { birthDate } : {}),
  }
}

const toName = ({ use, text, family, given }: Record<string, unknown>): HumanName => ({
  ...(typeof use === 'string' && isNameUse(use) ? { use } : {}),
  ...(isText(text) ? { text } : {}),
  ...(isText(family) ? { family } : {}),
  ...(Array.isArray(given) && given.some(isText) ? { given: given.filter(isText) } : {}),
})

/** Whether anything is left of the name. An EHR may have only a prefix, or only the reason why the name is unknown. */
const saysSomething = (name: HumanName): boolean => Object.keys(name).length > 0

const isDate = (value: unknown): value is string =>
  typeof value === 'string' && /^\d{4}(-\d\d){0,2}$/.test(value) && intervalOf(value) !== undefined

/** The parser's message would quote what it could not read, which may be about a patient. */
const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    throw new Error('the Patient is no JSON')
  }
}

const nameUses: readonly string[] = ['usual', 'official', 'temp', 'nickname', 'anonymous', 'old', 'maiden']
const isNameUse = (text: string): text is NonNullable<HumanName['use']> => nameUses.includes(text)
const mostNames = 5

const isText = (value: unknown): value is string =>
  typeof value === 'string' && value.trim() !== '' && value.length <= 200
