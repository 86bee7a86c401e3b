import { backportUrls } from '../subscription.ts'
import type { ElementDefinition, ProfileDefinition } from './profile.ts'

const element = (path: string, more: Omit<ElementDefinition, 'path'>): ElementDefinition => ({
  id: path,
  path: path.replaceAll(/:\w+/g, ''),
  ...more,
})

const extended = (path: string, slices: Readonly<Record<string, Extended>>): readonly ElementDefinition[] =>
  Object.entries(slices).flatMap(([name, { url, type, min = 0, max = '1' }]) => [
    element(`${path}.extension:${name}`, { min, max }),
    element(`${path}.extension:${name}.url`, { fixedUri: url }),
    element(`${path}.extension:${name}.value[x]`, { min: 1, max: '1', type: [{ code: type }] }),
  ])

type Extended = { readonly url: string; readonly type: string; readonly min?: number; readonly max?: string }

const required = { min: 1, max: '1' } as const

/**
 * What the guide requires of a Subscription to a topic, for `$validate`.
 * https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/StructureDefinition-backport-subscription.html
 */
export const backportSubscription: ProfileDefinition = {
  url: backportUrls.subscription,
  type: 'Subscription',
  snapshot: {
    element: [
      element('Subscription', {}),
      element('Subscription.criteria', required),
      ...extended('Subscription.criteria', {
        filterCriteria: { url: backportUrls.filterCriteria, type: 'string', max: '*' },
      }),
      element('Subscription.channel', required),
      ...extended('Subscription.channel', {
        heartbeatPeriod: { url: backportUrls.heartbeatPeriod, type: 'unsignedInt' },
        timeout: { url: backportUrls.timeout, type: 'unsignedInt' },
        maxCount: { url: backportUrls.maxCount, type: 'positiveInt' },
      }),
      element('Subscription.channel.type', required),
      ...extended('Subscription.channel.type', {
        customChannelType: { url: backportUrls.channelType, type: 'Coding' },
      }),
      element('Subscription.channel.payload', required),
      ...extended('Subscription.channel.payload', {
        content: { url: backportUrls.payloadContent, type: 'code', min: 1 },
      }),
    ],
  },
}
