"""The knowledge base in force."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from knowledge_base.departments import Department
from serving.dependencies import Anyone, ServicesOf
from serving.errors import ProblemError

router = APIRouter(prefix="/v1", tags=["knowledge base"])


@router.get("/taxonomy")
async def get_taxonomy(services: ServicesOf, _caller: Anyone) -> dict[str, Any]:
    """Return the categories with their codes in other taxonomies."""
    knowledge_base = services.active.core.knowledge_base
    return {"version": knowledge_base.version, "categories": [
        {"code": category.code, "path": [category.level1, category.level2], "scope": category.scope,
         "other_taxonomies": knowledge_base.crosswalk.other_taxonomies(category.code)}
        for category in knowledge_base.taxonomy.categories]}


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
