"""The methods of the companion specification: which recipes there are, one of them prepared, and
the last results once more. Whatever else it has says that it is not supported, and why.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from asyncua import Node, Server, ua

from qc_edge.errors import QcEdgeError
from qc_edge.output.links.opcua.calls import Answer, Method, not_supported, taking
from qc_edge.output.links.opcua.security import OpcuaSession
from qc_edge.output.links.opcua.sessions import caller
from qc_edge.output.links.opcua.told_results import ResultFilter, ToldResults, made, made_id
from qc_edge.output.links.opcua.writes import LineWrites
from qc_edge.output.offered_recipes import OfferedRecipe

OK, NO_RECIPE, NO_RESULT, NOT_ALLOWED, OLDER_IN_FORCE, NOT_READ = 0, -1, -2, -3, -4, -5
"""The output `Error`, below 0 as the specification has it for one's own; docs/plc.md."""

MOST_RECIPES = 64
_EITHER = 2
"""Of TriStateBooleanDataType; 0: no, 1: yes."""
_PREPARE_ANOTHER = "One recipe always judges: prepare another instead."
_BY_WORDS = "Triggers and resets go by the words below Line, where nothing can be one part late."
_REASONS = {"UnprepareRecipe": _PREPARE_ANOTHER}

_KINDS = ua.VariantType


class LineMethods:
    """Used by the server's loop."""

    def __init__(
        self,
        results: ToldResults,
        writes: LineWrites,
        recipes: Callable[[], Sequence[OfferedRecipe]],
        *,
        may_ask: bool,
    ) -> None:
        """`recipes` reads files; not `may_ask`: the settings let this line choose none."""
        self._results, self._writes, self._recipes = results, writes, recipes
        self._may_ask = may_ask
        structure, number, count = _KINDS.ExtensionObject, _KINDS.Int32, _KINDS.UInt32
        paged = (count, count, number)
        self._done: dict[str, Method] = {
            "GetRecipeListFiltered": taking(
                self._list_recipes, structure, structure, number, *paged
            ),
            "PrepareRecipe": taking(self._prepare_recipe, structure, structure),
            "GetResultById": taking(self._result_by_id, structure, number),
            "GetResultComponentsById": taking(self._components_by_id, structure, number),
            "GetResultListFiltered": taking(self._list_results, number, *[structure] * 8, *paged),
            "ReleaseResultHandle": taking(self._release, count),
        }

    async def bind(self, server: Server, system: Node) -> None:
        """To every method below the vision system; those that do nothing say why."""
        for method in await _methods_below(system):
            name = (await method.read_browse_name()).Name
            server.link_method(method, self._done.get(name, not_supported))
            if name not in self._done:
                why = ua.LocalizedText(_REASONS.get(name, _BY_WORDS))
                value = ua.DataValue(ua.Variant(why, ua.VariantType.LocalizedText))
                await method.write_attribute(ua.AttributeIds.Description, value)

    async def _offered(self) -> Sequence[OfferedRecipe] | None:
        try:
            return await asyncio.get_running_loop().run_in_executor(None, self._recipes)
        except QcEdgeError:
            return None

    async def _list_recipes(self, _parent: ua.NodeId, *given: ua.Variant) -> Answer:
        external, product, prepared, most, first, _ = (each.Value for each in given)
        offered = await self._offered()
        found = [
            each
            for each in offered or ()
            if _text(external) in ("", each.name)
            and not _text(product)
            and prepared in (_EITHER, int(each.is_in_force))
        ][first:]
        listed = found[: min(most or MOST_RECIPES, MOST_RECIPES)]
        return [
            ua.Variant(len(listed) == len(found), ua.VariantType.Boolean),
            ua.Variant(len(listed), ua.VariantType.UInt32),
            ua.Variant(0, ua.VariantType.UInt32),
            ua.Variant([_recipe_id(each) for each in listed], ua.VariantType.ExtensionObject),
            _error(NOT_READ if offered is None else OK),
        ]

    async def _prepare_recipe(self, _parent: ua.NodeId, *given: ua.Variant) -> Answer:
        """Ask for it as the word `recipe` does: the station decides, and only among approved."""
        name, number = (_text(each.Value) for each in given)
        user = caller.get()
        assert isinstance(user, OpcuaSession)  # noqa: S101
        if not self._may_ask:
            return _prepared(None, NOT_ALLOWED)
        offered = await self._offered()
        if offered is None:
            return _prepared(None, NOT_READ)
        found = [
            each
            for each in offered
            if (name or number) and name in ("", each.name) and number in ("", str(each.number))
        ]
        if len(found) != 1:
            return _prepared(None, NO_RECIPE)
        (recipe,) = found
        if recipe.is_in_force:
            return _prepared(recipe, OK)
        if recipe.is_older_in_force:
            return _prepared(recipe, OLDER_IN_FORCE)
        if refused := self._writes.refusal(user):
            return ua.StatusCode(ua.UInt32(refused))
        self._writes.ask_for_recipe(user, recipe.number)
        return _prepared(recipe, OK)

    async def _result_by_id(self, _parent: ua.NodeId, *given: ua.Variant) -> Answer:
        told = self._results.by_id(_text(given[0].Value))
        result = (
            made("Result", **told.components())
            if told
            else made(
                "Result",
            )
        )
        return [
            self._handle(is_there=told is not None),
            ua.Variant(result, ua.VariantType.ExtensionObject),
            _error(OK if told else NO_RESULT),
        ]

    async def _components_by_id(self, _parent: ua.NodeId, *given: ua.Variant) -> Answer:
        told = self._results.by_id(_text(given[0].Value))
        has = told.components() if told else {}
        kinds = _KINDS
        ids = {
            name: ua.Variant(has.get(f"{name}Id", made_id(kind, "")), kinds.ExtensionObject)
            for name, kind in {
                "Meas": "MeasId",
                "Part": "PartId",
                "ExternalRecipe": "RecipeIdExternal",
                "InternalRecipe": "RecipeIdInternal",
                "Product": "ProductId",
                "ExternalConfiguration": "ConfigurationId",
                "Job": "JobId",
                "InternalConfiguration": "ConfigurationId",
            }.items()
        }
        times = made("ProcessingTimes")
        return [
            ua.Variant(False, kinds.Boolean),
            self._handle(is_there=told is not None),
            ua.Variant(False, kinds.Boolean),
            ua.Variant(False, kinds.Boolean),
            ua.Variant(has.get("ResultState", 0), kinds.Int32),
            *(ids[name] for name in ("Meas", "Part", "ExternalRecipe", "InternalRecipe")),
            *(ids[name] for name in ("Product", "ExternalConfiguration", "InternalConfiguration")),
            ids["Job"],
            ua.Variant(has.get("CreationTime"), kinds.DateTime),
            ua.Variant(times, kinds.ExtensionObject),
            ua.Variant(has.get("ResultContent", []), kinds.Variant),
            _error(OK if told else NO_RESULT),
        ]

    async def _list_results(self, _parent: ua.NodeId, *given: ua.Variant) -> Answer:
        state, meas, part, external, recipe, *more, job, most, first, _ = (
            each.Value for each in given
        )
        wanted = ResultFilter(state, _text(part), _text(recipe), _text(job))
        # Nothing here has a measurement, a product or a configuration, so nothing fits such an id.
        is_other = any(map(_text, (meas, external, *more)))
        found, is_all = ([], True) if is_other else self._results.listed(wanted, first, most)
        listed = [made("Result", **each.components()) for each in found]
        return [
            ua.Variant(is_all, ua.VariantType.Boolean),
            ua.Variant(len(listed), ua.VariantType.UInt32),
            self._handle(is_there=bool(listed)),
            ua.Variant(listed, ua.VariantType.ExtensionObject),
            _error(OK),
        ]

    async def _release(self, _parent: ua.NodeId, *given: ua.Variant) -> Answer:
        return [_error(OK if self._results.release(given[0].Value) else NO_RESULT)]

    def _handle(self, *, is_there: bool) -> ua.Variant:
        handle = self._results.new_handle() if is_there else 0
        return ua.Variant(handle, ua.VariantType.UInt32)


async def _methods_below(node: Node) -> list[Node]:
    found = await node.get_methods()
    for each in await node.get_children(nodeclassmask=ua.NodeClass.Object):
        found += await _methods_below(each)
    return found


def _text(structure: Any) -> str:
    """The id in a structure of the specification's; empty where there is none."""
    return str(getattr(structure, "Id", None) or "")


def _error(code: int) -> ua.Variant:
    return ua.Variant(code, ua.VariantType.Int32)


def _recipe_id(recipe: OfferedRecipe | None) -> Any:
    if recipe is None:
        return made_id("RecipeIdInternal", "")
    return made(
        "RecipeIdInternal",
        Id=str(recipe.number),
        Version=str(recipe.revision),
        Hash=bytes.fromhex(recipe.sha256),
        HashAlgorithm="SHA-256",
        Description=ua.LocalizedText(recipe.name),
    )


def _prepared(recipe: OfferedRecipe | None, error: int) -> list[ua.Variant]:
    is_done = recipe is not None and recipe.is_in_force
    return [
        ua.Variant(_recipe_id(recipe), ua.VariantType.ExtensionObject),
        ua.Variant(is_done, ua.VariantType.Boolean),
        _error(error),
    ]
