import { type KoaContextWithOIDC, Provider } from 'oidc-provider'
import { parseScope, parseScopes, type Scope } from '../../access/scope.ts'
import { isScopeWithin } from '../../access/scope-limit.ts'
import { type ScopeRules, scopeRefusal } from '../request/requested-scope.ts'

/**
 * A refresh may ask for "a strict sub-set of the scopes granted in the original launch", and `Observation.rs` is interchangeable with
 * `Observation.r Observation.s`. The library, however, compares words. So words that are asked for, and are within what was granted, count as
 * granted for this request. https://hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html#scope-equivalence
 */
export const withNarrower = (granted: string, rules: ScopeRules): string => {
  const { ctx } = Provider
  if (ctx === undefined) return granted
  const words = granted.split(' ')
  const limits = parseScopes(granted)
  const narrower = askedAtRefresh(ctx).filter(word => !words.includes(word) && isGranted(word, limits, rules))
  if (narrower.length === 0) return granted
  added.set(ctx, new Set(narrower))
  return [...words, ...narrower].join(' ')
}

/** What was granted, without such words, for the next refresh. */
export const withoutNarrower = (scope: string): string => {
  const narrower = Provider.ctx && added.get(Provider.ctx)
  return narrower === undefined
    ? scope
    : scope
        .split(' ')
        .filter(word => !narrower.has(word))
        .join(' ')
}

const added = new WeakMap<object, ReadonlySet<string>>()

const askedAtRefresh = ({ oidc }: KoaContextWithOIDC): readonly string[] => {
  const { grant_type, scope } = oidc?.params ?? {}
  return grant_type === 'refresh_token' && typeof scope === 'string' ? scope.split(' ').filter(Boolean) : []
}

const isGranted = (word: string, limits: readonly Scope[], rules: ScopeRules): boolean => {
  const scope = parseScope(word)
  if (scope === undefined || scopeRefusal(scope, rules) !== undefined) return false
  return [...scope.actions].every(action =>
    limits.some(limit => isScopeWithin({ ...scope, actions: new Set([action]) }, limit)),
  )
}
