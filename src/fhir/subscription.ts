import type { Subscription } from '@medplum/fhirtypes'
import { canonicalBase } from './canonical.ts'
import { extensionOf } from './extension.ts'

/** Our topic: Observations that were created or changed and that the subscriber may see. */
export const observationsTopic = `${canonicalBase}/SubscriptionTopic/study-observations`

/** https://hl7.org/fhir/uv/subscriptions-backport/: R5's topics, in R4's resource. */
const backport = 'http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition'

export const backportUrls = {
  subscription: `${backport}/backport-subscription`,
  filterCriteria: `${backport}/backport-filter-criteria`,
  payloadContent: `${backport}/backport-payload-content`,
  heartbeatPeriod: `${backport}/backport-heartbeat-period`,
  timeout: `${backport}/backport-timeout`,
  maxCount: `${backport}/backport-max-count`,
  channelType: `${backport}/backport-channel-type`,
  statusOfNotification: `${backport}/backport-subscription-status-r4`,
  topicCanonical: `${backport}/capabilitystatement-subscriptiontopic-canonical`,
} as const

/** What a server claims to be that has topics as the guide describes them for R4. */
export const backportServer =
  'http://hl7.org/fhir/uv/subscriptions-backport/CapabilityStatement/backport-subscription-server-r4'

/** The type of resource that a Subscription is about, if its criteria name one. */
export const subscribedType = ({ criteria }: Subscription): string | undefined =>
  isTopic(criteria) ? 'Observation' : /^([A-Z][A-Za-z]*)(?:\?|$)/.exec(criteria)?.[1]

/** Whether the criteria name a topic, whoever published it, as in the backport. */
export const isTopic = (criteria: string): boolean => /^(https?|urn):/.test(criteria)

/** After how many seconds without a notification a heartbeat is sent. */
export const heartbeatOf = ({ criteria, channel }: Subscription): number | undefined =>
  isTopic(criteria) ? extensionOf(channel, backportUrls.heartbeatPeriod)?.valueUnsignedInt : undefined
