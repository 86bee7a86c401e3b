import type { Subscription } from '@medplum/fhirtypes'

/** The type of what a Subscription is told of, as far as its criteria name one. */
export const subscribedType = ({ criteria }: Subscription): string | undefined =>
  /^([A-Z][A-Za-z]*)\?/.exec(criteria)?.[1]
