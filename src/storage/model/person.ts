import type { Person } from '@medplum/fhirtypes'
import { FhirError } from '../../fhir/error.ts'
import { namedId } from '../../fhir/reference.ts'
import { endAccess } from '../account/end-access.ts'
import { closeAccount } from '../account/user-account.ts'
import { sql } from '../sql.ts'
import { refuseTwoConsents } from './consent/two-consents.ts'
import { each } from './projection.ts'
import { numbersOf } from './reference.ts'

/** Whose account a Person is: that of one practitioner, or of the Patients that its holder is. */
export const projectPersons = each<Person>(async (connection, { id, resource }, { linked: people }) => {
  await connection.run(sql.fragment`DELETE FROM barred_person WHERE person = ${id}`)
  if (resource === undefined) await closeAccount(connection, id)
  if (resource?.active === false) await connection.run(sql.fragment`INSERT INTO barred_person (person) VALUES (${id})`)
  // While it is still known whose Patients they are: an app that came by an invitation has its grant from the Patient.
  if (resource === undefined || resource.active === false) await endAccess(connection, id)
  await connection.run(sql.fragment`DELETE FROM person_practitioner WHERE person = ${id}`)
  await connection.run(sql.fragment`DELETE FROM person_patient WHERE person = ${id}`)
  const links = resource?.link ?? []
  const patients = links.flatMap(({ target }) => namedId(target, 'Patient') ?? [])
  const practitioners = links.flatMap(({ target }) => namedId(target, 'Practitioner') ?? [])
  const [practitioner, ...others] = new Set(practitioners)
  if (others.length > 0)
    throw new FhirError('business-rule', 'A person is one practitioner', { expression: 'Person.link' })
  await connection.run(sql.fragment`
    INSERT INTO person_patient (person, patient) SELECT DISTINCT ${id}, unnest(${sql.array(patients, 'text')})`)
  if (new Set(patients).size > 1) {
    await refuseTwoConsents(connection, await numbersOf(connection, patients))
    people?.add(id)
  }
  if (practitioner === undefined) return
  const linked = await connection.run(sql.fragment`
    INSERT INTO person_practitioner (person, practitioner) VALUES (${id}, ${practitioner}) ON CONFLICT DO NOTHING`)
  if (linked === 0)
    throw new FhirError('duplicate', 'The practitioner has an account already', { expression: 'Person.link' })
})
