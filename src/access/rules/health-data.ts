import { and, type Expression, none, or } from '../../search/expression.ts'
import { subjectParameters } from '../patient-compartment.ts'
import { allOf, anyone, consented, created, member, own, ownedBy, staffed, where } from './grant.ts'
import type { Client, Grant, Patient, Rule, Staff } from './rule.ts'

/** A client that submits data does so for patients who consented; if it belongs to an organization, to that organization's studies. */
const submitted: Grant<Client> = ({ submitsData, organization }) =>
  submitsData ? { kind: 'consentable', ...(organization === undefined ? {} : { to: organization }) } : none

const ownSubmission: Grant<Client> = (who, asked) => (who.submitsData ? created(who, asked) : none)

export const observation: Rule = {
  read: { patient: own, staff: consented, client: consented },
  create: { patient: allOf(own, where({ kind: 'consentable' })), client: submitted },
  update: { patient: own, client: ownSubmission },
  delete: { patient: own, client: ownSubmission },
}

const sourceDevice = where({ kind: 'source-device' })

export const device: Rule = {
  read: {
    patient: (who, asked) => or(sourceDevice(who, asked), own(who, asked)),
    staff: (who, asked) => or(sourceDevice(who, asked), consented(who, asked)),
    client: (who, asked) => or(sourceDevice(who, asked), consented(who, asked)),
    administrator: sourceDevice,
    person: sourceDevice,
  },
  create: { patient: own, administrator: sourceDevice },
  update: { patient: own, administrator: sourceDevice },
  delete: { patient: own, administrator: sourceDevice },
}

/** ValueSet, StructureDefinition, SearchParameter …: how FHIR is used here. */
export const definition: Rule = {
  read: { patient: anyone, staff: anyone, client: anyone, administrator: anyone, person: anyone },
  create: { administrator: anyone },
  update: { administrator: anyone },
  delete: { administrator: anyone },
}

/** The very Patient that it names is registered by the organization: another record of the same human may belong to another one. */
const namesRegistered: Grant<Staff> = (who, { type, registry, ...asked }) =>
  and(
    { kind: 'content', is: 'of-one-patient' },
    or(
      ...subjectParameters(type).map(
        (code): Expression => ({
          kind: 'names',
          paths: (registry.searchParameter(type, code)?.paths ?? []).filter(({ datatype }) => datatype === 'Reference'),
          target: 'Patient',
          of: ownedBy('member')(who, { ...asked, type: 'Patient', registry }),
        }),
      ),
    ),
  )

/** What is in the records of others as well is nothing that one of them writes alone. */
const ownAlone: Grant<Patient> = allOf(own, where({ kind: 'content', is: 'of-one-patient' }))

/** An organization keeps records of the patients whom it has registered, and records that are about nobody. */
const recorded: Grant<Staff> = (who, asked) =>
  and(ownedBy('member')(who, asked), or(namesRegistered(who, asked), { kind: 'content', is: 'of-no-patient' }))

/** Condition, DiagnosticReport, QuestionnaireResponse …: the other types in a patient's compartment. */
export const clinical: Rule = {
  read: {
    patient: own,
    staff: (who, asked) => or(ownedBy('viewer')(who, asked), consented(who, asked)),
    client: consented,
  },
  create: { patient: ownAlone, staff: recorded },
  update: { patient: ownAlone, staff: recorded },
  delete: { patient: ownAlone, staff: ownedBy('member') },
}

/** Location, Questionnaire, Medication, List …: the types outside compartments. */
export const organizational: Rule = {
  read: { staff: ownedBy('viewer') },
  create: { staff: ownedBy('member') },
  update: { staff: ownedBy('member') },
  delete: { staff: ownedBy('member') },
}

const contactsOnly = where({ kind: 'kept', part: 'all-but-contacts' })

/** Nobody can change a record to say that another organization has registered the patient. */
const ownRegistration: Grant<Staff> = (who, asked) =>
  or({ kind: 'kept', part: 'managing-organization' }, member('named', 'node', 'member')(who, asked))

export const patient: Rule = {
  read: {
    patient: own,
    staff: (who, asked) => or(ownedBy('viewer')(who, asked), staffed('patient')(who, asked)),
    client: staffed('patient'),
  },
  create: { staff: ownedBy('member') },
  update: { staff: allOf(ownedBy('member'), ownRegistration), patient: allOf(own, contactsOnly) },
  delete: { staff: ownedBy('member') },
}

export const auditEvent: Rule = {
  read: {
    patient: ownAlone,
    staff: member('owner', 'down', 'privacy-officer'),
    administrator: where({ kind: 'content', is: 'of-the-installation' }),
  },
}

/** A Subscription holds the secret of its endpoint, which other apps of the same person must not learn. */
const ownThrough: Grant = (who, asked) => and(created(who, asked), { kind: 'written-through', client: asked.client })

export const subscription: Rule = {
  read: { patient: ownThrough, staff: ownThrough, client: ownThrough },
  create: { patient: created, staff: created, client: created },
  update: { patient: ownThrough, staff: ownThrough, client: ownThrough },
  delete: { patient: ownThrough, staff: ownThrough, client: ownThrough },
}
