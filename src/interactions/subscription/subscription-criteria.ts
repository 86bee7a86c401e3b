import type { ResourceType, Subscription } from '@medplum/fhirtypes'
import { restrict } from '../../access/access.ts'
import { isGranted } from '../../access/rules.ts'
import { FhirError, orRefusal } from '../../fhir/error.ts'
import { besideOf, extensionsOf } from '../../fhir/extension.ts'
import { backportUrls, isTopic, observationsTopic, subscribedType } from '../../fhir/subscription.ts'
import { all } from '../../search/expression.ts'
import { parseCriteria } from '../../search/parse.ts'
import { refusedElement, type SubscriptionAsked, type SubscriptionParts } from './subscription-asked.ts'

export type Criteria = Pick<SubscriptionAsked, 'type' | 'where' | 'access'>

/** Which of the resources that the subscriber may search it is about. */
export const parseSubscriptionCriteria = (subscription: Subscription, asking: SubscriptionParts): Criteria => {
  const type = asking.registry.resourceTypes.find(one => one === subscribedType(subscription))
  if (type === undefined) throw refusedElement('criteria', accepted)
  refuseUnread(subscription)
  const { study, query } = isTopic(subscription.criteria)
    ? topicQuery(subscription)
    : { study: undefined, query: new URLSearchParams(subscription.criteria.slice(type.length + 1)) }
  const access = study === undefined ? asking.access : asking.accessWithin(study)
  if (!isGranted(access, 's', type))
    throw refusedElement('criteria', `This token may not search ${type}, so it cannot be told of any`)
  return { type, access, where: whereOf(type, query, { ...asking, access }) }
}

const accepted =
  'The criteria are a search of one resource type, such as Observation?code=http://loinc.org|8867-4, that type alone, or a topic'

/** What would narrow the criteria must not be passed over: more would be sent than was asked for. */
const refuseUnread = (subscription: Subscription): void => {
  const { criteria, extension = [] } = subscription
  const unread = (besideOf(subscription, 'criteria').extension ?? []).find(
    ({ url }) => url !== backportUrls.filterCriteria || !isTopic(criteria),
  )
  if (unread !== undefined)
    throw refusedElement(
      'criteria.extension',
      `Criteria are not narrowed by ${unread.url}; those that name a topic are, by ${backportUrls.filterCriteria}`,
    )
  const ofR5 = extension.find(({ url }) => narrowingInR5.test(url))
  if (ofR5 !== undefined)
    throw refusedElement(
      'extension',
      `${ofR5.url} is not read here: a topic is named by criteria, and narrowed by ${backportUrls.filterCriteria} beside it`,
    )
}

/** "Cross version extensions SHOULD NOT be used on R4 subscriptions to describe any elements described by this guide." */
const narrowingInR5 =
  /^http:\/\/hl7\.org\/fhir\/[0-9.]+\/StructureDefinition\/extension-Subscription\.(topic|filterBy)\b/

type Where = Pick<SubscriptionParts, 'registry' | 'access' | 'base'>

/** A topic alone, or a type, is about all that the subscriber may search. */
const whereOf = (type: ResourceType, query: URLSearchParams, { registry, access, base }: Where) => {
  const where = orRefusal(() => {
    const asked = query.size === 0 ? all : parseCriteria(registry, type, query, { base })
    // A chain to what may not be searched is refused here, not at the first event.
    restrict(access, 's', type, asked)
    return asked
  })
  if (!(where instanceof FhirError)) return where
  throw refusedElement('criteria', where.issues.map(({ message }) => message).join('; '))
}

/** Filters are searches of Observation, all of which must match. `study` is a parameter of the topic alone, and names one ResearchStudy. */
const topicQuery = (
  subscription: Subscription,
): { readonly study: string | undefined; readonly query: URLSearchParams } => {
  if (subscription.criteria !== observationsTopic)
    throw refusedElement(
      'criteria',
      `${subscription.criteria} is no topic of this server; there is ${observationsTopic}`,
    )
  const filters = extensionsOf(besideOf(subscription, 'criteria'), backportUrls.filterCriteria)
  const query = new URLSearchParams(filters.flatMap(({ valueString = '' }) => [...filterOf(valueString)]))
  const studies = [...new Set(query.getAll('study'))]
  const [, study] = /^(?:ResearchStudy\/)?([A-Za-z0-9.-]{1,64})$/.exec(studies[0] ?? '') ?? []
  if (studies.length > 1 || (studies.length === 1 && study === undefined))
    throw refusedElement('criteria.extension', 'study is one ResearchStudy, as in Observation?study=ResearchStudy/123')
  query.delete('study')
  return { study, query }
}

const filterOf = (filter: string): URLSearchParams => {
  const [, query] = /^Observation\?(.+)$/.exec(filter) ?? []
  if (query !== undefined) return new URLSearchParams(query)
  throw refusedElement('criteria.extension', `A filter is a search such as Observation?code=8867-4, not "${filter}"`)
}
