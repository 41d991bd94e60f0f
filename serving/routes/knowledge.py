"""The knowledge base in force."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from knowledge_base.departments import Department
from knowledge_base.equivalents import Translator
from knowledge_base.taxonomy import Category
from models.contract import XINFANG_LABELS
from serving.dependencies import Anyone, ServicesOf
from serving.errors import ProblemError

router = APIRouter(prefix="/v1", tags=["knowledge base"])


@router.get("/taxonomy")
def get_taxonomy(services: ServicesOf, _caller: Anyone) -> dict[str, Any]:
    """Return the categories, the codes of DB44/T 2479-2024 and the 信访 labels, each with what stands for it."""
    knowledge_base = services.active.core.knowledge_base
    translator = Translator(knowledge_base.crosswalk, knowledge_base.taxonomy)
    return {"version": knowledge_base.version,
            "categories": [_category(category, translator) for category in knowledge_base.taxonomy.categories],
            "db44t2479": [{"code": found.code, "path": list(found.path), "categories": list(found.categories),
                           "xinfang": list(found.xinfang)}
                          for found in map(translator.find, translator.standard_codes)],
            "xinfang": [{"label": label, "categories": list(found.categories), "db44t2479": list(found.level2)}
                        for label in XINFANG_LABELS for found in (translator.find(label),)]}


@router.get("/taxonomy/{code}")
def get_equivalents(services: ServicesOf, _caller: Anyone, code: str) -> dict[str, Any]:
    """Return what stands for a code of any of the three taxonomies in each of them, best first."""
    knowledge_base = services.active.core.knowledge_base
    try:
        found = Translator(knowledge_base.crosswalk, knowledge_base.taxonomy).find(code)
    except KeyError:
        raise ProblemError(404, "not_found", "no category, code of DB44/T 2479-2024 or 信访 label is this") from None
    return {"version": knowledge_base.version, "taxonomy": found.taxonomy, "code": found.code,
            "path": list(found.path), "categories": list(found.categories), "db44t2479": list(found.level2),
            "db44t2479_level3": list(found.level3), "xinfang": list(found.xinfang)}


@router.get("/departments")
async def get_departments(services: ServicesOf, _caller: Anyone) -> dict[str, Any]:
    """Return the departments."""
    knowledge_base = services.active.core.knowledge_base
    return {"version": knowledge_base.version, "departments": [
        _short(department) | {"duties": len(department.duties)} for department in knowledge_base.departments]}


@router.get("/departments/{code}")
async def get_department(services: ServicesOf, _caller: Anyone, code: str) -> dict[str, Any]:
    """Return a department with its duties."""
    knowledge_base = services.active.core.knowledge_base
    if code not in knowledge_base.department_codes:
        raise ProblemError(404, "not_found", "no department has this code")
    department = knowledge_base.department(code)
    duties = [{"id": duty.id, "text": duty.text, "level": duty.level, "categories": list(duty.categories),
               "basis": duty.citation, "incidents": list(duty.incidents),
               "not_ours": [{"text": other.text, "department": other.department} for other in duty.not_ours]}
              for duty in department.duties]
    return {"version": knowledge_base.version, **_short(department), "history": department.history,
            "duties": duties}


def _short(department: Department) -> dict[str, Any]:
    return {"code": department.code, "name": department.name, "scope": department.scope,
            "aliases": list(department.aliases)}


def _category(category: Category, translator: Translator) -> dict[str, Any]:
    found = translator.find(category.code)
    return {"code": category.code, "path": list(category.path), "scope": category.scope,
            "other_taxonomies": translator.crosswalk.other_taxonomies(category.code),
            "db44t2479": list(found.level2), "db44t2479_level3": list(found.level3), "xinfang": list(found.xinfang)}
