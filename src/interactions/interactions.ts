import { batch } from './bundle/batch.ts'
import { transaction } from './bundle/transaction.ts'
import { conditional, decideDelete, decidePatch, decideUpdate } from './conditional.ts'
import { create, prepareCreate } from './create.ts'
import { deletion, prepareDelete } from './delete.ts'
import { history, systemHistory, typeHistory } from './history.ts'
import type { Interaction } from './interaction.ts'
import { patch, preparePatch } from './patch.ts'
import { read } from './read.ts'
import { search, searchCompartment } from './search/search.ts'
import { searchCompartments, searchSystem } from './search/search-system.ts'
import { prepareUpdate, update } from './update.ts'
import { vread } from './vread.ts'

/** What the server does. Routes, scope letters, the CapabilityStatement and the conformance test are derived from this. */
export const interactions: readonly Interaction[] = [
  {
    name: 'read',
    method: 'GET',
    path: ':type/:id',
    action: 'r',
    body: 'none',
    handler: read,
    documentation:
      'The current version, with its ETag; 304 if If-None-Match or If-Modified-Since says that the client has it, except for a Group or a Provenance, whose members or targets change while the version stays the same. 404 for what the caller may not see; 410 for what was deleted.',
  },
  {
    name: 'vread',
    method: 'GET',
    path: ':type/:id/_history/:versionId',
    action: 'r',
    body: 'none',
    handler: vread,
    documentation: 'One version, if the caller may see both this one and the current one.',
  },
  {
    name: 'history-instance',
    method: 'GET',
    path: ':type/:id/_history',
    action: 'r',
    body: 'none',
    handler: history,
    documentation:
      'All versions, newest first, in pages of _count; with _since only later ones, with _at those that were current at that time; _summary and _elements choose parts of them. There is a total if the caller may see all of them, or one page has them all.',
  },
  {
    name: 'history-type',
    method: 'GET',
    path: ':type/_history',
    action: 's',
    body: 'none',
    handler: typeHistory,
    documentation: 'The same for everything of a type that the caller may search.',
  },
  {
    name: 'history-system',
    method: 'GET',
    path: '_history',
    body: 'none',
    handler: systemHistory,
    documentation: 'The same for all types that the caller may search.',
  },
  {
    name: 'update',
    method: 'PUT',
    path: ':type/:id',
    action: 'u',
    body: 'resource',
    handler: update,
    prepare: prepareUpdate,
    documentation:
      'Makes a new version, unless nothing is different. With If-Match only if the current version is the one that it names; with If-None-Match: * only if there is none.',
  },
  {
    name: 'update',
    method: 'PUT',
    path: ':type',
    action: 'u',
    body: 'resource',
    handler: conditional(decideUpdate),
    decide: decideUpdate,
    documentation: 'Updates the only match of the criteria; if there is none, creates the resource.',
  },
  {
    name: 'patch',
    method: 'PATCH',
    path: ':type/:id',
    action: 'u',
    body: 'patch',
    handler: patch,
    prepare: preparePatch,
    documentation:
      'A JSON Patch, or a FHIRPath Patch as Parameters. The result is checked like an update. A FHIRPath Patch may insert the first item of a list that is not there; to a JSON Patch, as RFC 6902 says, a list that is not there has no places. Lists and objects that become empty are removed, and so is a narrative that was made from ' +
      'what it changes (generated, extensions), unless the patch sends another one. A narrative of another status must be replaced or removed by the patch itself (else 422). A token that may change but not read cannot patch (403), since refusals would reveal what is stored.',
  },
  {
    name: 'patch',
    method: 'PATCH',
    path: ':type',
    action: 'u',
    body: 'patch',
    handler: conditional(decidePatch),
    decide: decidePatch,
    documentation: 'Patches the only match of the criteria.',
  },
  {
    name: 'delete',
    method: 'DELETE',
    path: ':type/:id',
    action: 'd',
    body: 'none',
    handler: deletion,
    prepare: prepareDelete,
    documentation:
      'Deleting again changes nothing. The history stays, for those who may read it; parameters, such as _expunge, are refused with 400, or ignored with handling=lenient.',
  },
  {
    name: 'delete',
    method: 'DELETE',
    path: ':type',
    action: 'd',
    body: 'none',
    handler: conditional(decideDelete),
    decide: decideDelete,
    documentation: 'Deletes all matches of the criteria, up to 1000, or up to _count.',
  },
  {
    name: 'create',
    method: 'POST',
    path: ':type',
    action: 'c',
    body: 'resource',
    handler: create,
    prepare: prepareCreate,
    documentation: 'The server chooses the id. With If-None-Exist, an existing match is answered instead.',
  },
  {
    name: 'search-type',
    method: 'GET',
    path: ':type',
    action: 's',
    body: 'none',
    handler: search,
    documentation:
      'Pages of _count, with next and previous links; a total only if _total or _summary=count asks for it.',
  },
  {
    name: 'search-type',
    method: 'POST',
    path: ':type/_search',
    action: 's',
    body: 'form',
    handler: search,
    documentation: 'The same with the parameters in a form, so that no log or proxy keeps them.',
  },
  {
    name: 'search-type',
    method: 'GET',
    path: ':compartment/:id/:type',
    action: 's',
    body: 'none',
    handler: searchCompartment,
    documentation:
      'What is in the compartment of a Patient, Device, Encounter, Practitioner or RelatedPerson; nothing if the caller may not see that one.',
  },
  {
    name: 'search-type',
    method: 'POST',
    path: ':compartment/:id/:type/_search',
    action: 's',
    body: 'form',
    handler: searchCompartment,
    documentation: 'The same with the parameters in a form.',
  },
  {
    name: 'search-system',
    method: 'GET',
    path: ':compartment/:id/*',
    action: 's',
    body: 'none',
    handler: searchCompartments,
    documentation: 'Everything in the compartment, or only the types in _type, one type after another.',
  },
  {
    name: 'search-system',
    method: 'POST',
    path: ':compartment/:id/_search',
    action: 's',
    body: 'form',
    handler: searchCompartments,
    documentation: 'The same with the parameters in a form.',
  },
  {
    name: 'search-system',
    method: 'GET',
    path: '',
    action: 's',
    body: 'none',
    handler: searchSystem,
    documentation:
      'The types in _type, one after another, by parameters that all of them have; without _type, all types that the caller may search.',
  },
  {
    name: 'search-system',
    method: 'POST',
    path: '_search',
    action: 's',
    body: 'form',
    handler: searchSystem,
    documentation: 'The same with the parameters in a form.',
  },
  {
    name: 'batch',
    method: 'POST',
    path: '',
    body: 'resource',
    handler: batch,
    documentation: 'Each entry on its own, answered in order. Consecutive creates are written together.',
  },
  {
    name: 'transaction',
    method: 'POST',
    path: '',
    body: 'resource',
    handler: transaction,
    documentation: 'All entries, or none. References to other entries by urn:uuid are resolved.',
  },
]
