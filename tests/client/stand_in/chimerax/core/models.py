"""core/src/models.py, with what Model has from graphics/src/drawing.py."""

from __future__ import annotations

import builtins
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from chimerax.geometry import Place

from .state import State, StateManager
from .triggerset import TriggerSet

if TYPE_CHECKING:
    from .session import Session

ADD_MODELS = "add models"
REMOVE_MODELS = "remove models"
BEGIN_DELETE_MODELS = "begin delete models"
END_DELETE_MODELS = "end delete models"
MODEL_COLOR_CHANGED = "model color changed"
MODEL_DISPLAY_CHANGED = "model display changed"
MODEL_ID_CHANGED = "model id changed"
MODEL_NAME_CHANGED = "model name changed"
MODEL_POSITION_CHANGED = "model position changed"
MODEL_SELECTION_CHANGED = "model selection changed"

TRIGGERS = (
    *(ADD_MODELS, REMOVE_MODELS, BEGIN_DELETE_MODELS, END_DELETE_MODELS, MODEL_COLOR_CHANGED, MODEL_DISPLAY_CHANGED),
    *(MODEL_ID_CHANGED, MODEL_NAME_CHANGED, MODEL_POSITION_CHANGED, MODEL_SELECTION_CHANGED),
)


class Model(State):
    """Something in the scene that has a number."""

    SESSION_ENDURING = False
    SESSION_SAVE = True
    SESSION_SAVE_DRAWING = False
    Mesh, Solid = "mesh", "solid"
    vertices: NDArray[np.float32] | None = None
    normals: NDArray[np.float32] | None = None
    triangles: NDArray[np.int32] | None = None
    vertex_colors: NDArray[np.uint8] | None = None
    display_style = Solid
    use_lighting = True
    pickable = True

    def __init__(self, name: str, session: Session) -> None:
        self._name = name
        self.session = session
        self.id: tuple[int, ...] | None = None
        self.parent: Model | None = None
        self._children: list[Model] = []
        self._deleted = False
        self._position = Place()
        self._display = True
        self.color: NDArray[np.uint8] = np.array((178, 178, 178, 255), np.uint8)
        self.selected = False
        self.triggers = TriggerSet()
        self.triggers.add_trigger("deleted")

    @property
    def name(self) -> str:
        return self._name

    @name.setter
    def name(self, value: str) -> None:
        if value != self._name:
            self._name = value
            if self.id is not None:
                self.session.triggers.activate_trigger(MODEL_NAME_CHANGED, self)

    @property
    def id_string(self) -> str:
        return "" if self.id is None else ".".join(str(i) for i in self.id)

    @property
    def atomspec(self) -> str:
        return "#" + self.id_string

    def __str__(self):
        return self.name if self.id is None else f"{self.name} #{self.id_string}"

    @property
    def deleted(self) -> bool:
        return self._deleted

    def delete(self) -> None:
        if self._deleted:
            raise RuntimeError(f"Model {self._name} was deleted twice")
        if self.session.models.have_model(self):
            self.session.models.close([self])
            return
        self._deleted = True
        for child in self._children:
            if not child._deleted:
                child.delete()
        self.triggers.activate_trigger("deleted", self)
        self.session = None

    @property
    def position(self) -> Place:
        return self._position

    @position.setter
    def position(self, place: Place) -> None:
        if place != self._position:
            self._position = place
            self.session.triggers.activate_trigger(MODEL_POSITION_CHANGED, self)

    @property
    def scene_position(self) -> Place:
        return self._position if self.parent is None else self.parent.scene_position * self._position

    @scene_position.setter
    def scene_position(self, place: Place) -> None:
        self.position = place if self.parent is None else self.parent.scene_position.inverse() * place

    @property
    def display(self) -> bool:
        return self._display

    @display.setter
    def display(self, display: bool) -> None:
        self._display = bool(display)
        self.session.triggers.activate_trigger(MODEL_DISPLAY_CHANGED, self)

    @property
    def visible(self) -> bool:
        return self.display and (self.parent is None or self.parent.visible)

    @property
    def overall_color(self) -> NDArray[np.uint8]:
        return self.color

    @overall_color.setter
    def overall_color(self, color: NDArray[np.uint8]) -> None:
        self.color = np.asarray(color, np.uint8)
        self.session.triggers.activate_trigger(MODEL_COLOR_CHANGED, self)

    model_color = overall_color

    def set_geometry(
        self,
        vertices: NDArray[np.float32] | None,
        normals: NDArray[np.float32] | None,
        triangles: NDArray[np.int32] | None,
    ) -> None:
        self.vertices, self.normals, self.triangles = vertices, normals, triangles

    def add(self, models: list[Model]) -> None:
        models = models if isinstance(models, list) else [models]
        if self.session.models.have_model(self):
            self.session.models.add(models, parent=self)
        else:
            for model in models:
                self.add_drawing(model)

    def add_drawing(self, drawing: Model) -> None:
        if drawing.parent is not None and drawing in drawing.parent._children:
            drawing.parent._children.remove(drawing)
        drawing.parent = self
        self._children.append(drawing)

    def remove_drawing(self, drawing: Model, delete: bool = True) -> None:
        self._children.remove(drawing)
        drawing.parent = None
        if delete:
            drawing.delete()

    def child_drawings(self) -> list[Model]:
        return list(self._children)

    def child_models(self) -> list[Model]:
        return [child for child in self._children if isinstance(child, Model)]

    def all_models(self) -> list[Model]:
        return [self] + [model for child in self.child_models() for model in child.all_models()]

    def added_to_session(self, session: Session) -> None:
        """For derived classes."""

    def removed_from_session(self, session: Session) -> None:
        """For derived classes."""

    def __lt__(self, other):
        return self.name < other.name if self.id is None else self.id < other.id


_Kind = TypeVar("_Kind", bound=Model)


class Models(StateManager):
    """Open models of a session; `session.models`."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._models: dict[tuple[int, ...], Model] = {}
        self.scene_root_model = Model("root", session)
        self.scene_root_model.id = ()
        for name in TRIGGERS:
            session.triggers.add_trigger(name)

    @overload
    def list(self, model_id: tuple[int, ...] | None = None, type: None = None) -> builtins.list[Model]: ...

    @overload
    def list(self, model_id: tuple[int, ...] | None = None, *, type: type[_Kind]) -> builtins.list[_Kind]: ...

    def list(self, model_id: tuple[int, ...] | None = None, type: Any = None) -> Any:
        models = [m for id, m in self._models.items() if model_id in (None, id)]
        return [m for m in models if type is None or isinstance(m, type)]

    def have_model(self, model: Model) -> bool:
        return model.id is not None and (self._models.get(model.id) is model or model is self.scene_root_model)

    def have_id(self, id: tuple[int, ...]) -> bool:
        return id in self._models

    def next_id(self, parent: Model | None = None, minimum_id: int = 1) -> tuple[int, ...]:
        base = () if parent is None else parent.id
        number = minimum_id
        while (*base, number) in self._models:
            number += 1
        return (*base, number)

    def add(
        self,
        models: Sequence[Model],
        parent: Model | None = None,
        minimum_id: int = 1,
        root_model: bool = False,
        _notify: bool = True,
    ) -> None:
        for model in models:
            if self.have_model(model):
                raise ValueError(f"Attempted to add model {model} to scene twice")
            home = self.scene_root_model if parent is None else parent
            if model.parent is not home:
                home.add_drawing(model)
            if model.id is None:
                model.id = self.next_id(home, minimum_id)
            self._models[model.id] = model
            children = [child for child in model.child_models() if not self.have_model(child)]
            if children:
                self.add(children, parent=model, _notify=False)
        if _notify:
            added = [m for model in models for m in model.all_models()]
            for model in added:
                model.added_to_session(self._session)
            self._session.triggers.activate_trigger(ADD_MODELS, added)

    def add_group(
        self,
        models: Sequence[Model],
        name: str | None = None,
        id: tuple[int, ...] | None = None,
        parent: Model | None = None,
    ) -> Model:
        group = Model(name or "group", self._session)
        group.id = id
        group.add(list(models))
        self.add([group], parent=parent)
        return group

    def remove(self, models: Sequence[Model]) -> Sequence[Model]:
        gone = list({id(m): m for model in models for m in model.all_models()}.values())
        gone.sort(key=lambda m: len(m.id), reverse=True)
        for model in gone:
            model.removed_from_session(self._session)
        for model in gone:
            del self._models[model.id]
            model.id = None
        for model in models:
            if model.parent is not None and self.have_model(model.parent):
                model.parent.remove_drawing(model, delete=False)
        self._session.triggers.activate_trigger(REMOVE_MODELS, gone)
        return gone

    def close(self, models: Sequence[Model]) -> None:
        self.remove([m for m in models if self.have_model(m)])
        self._session.triggers.activate_trigger(BEGIN_DELETE_MODELS, models)
        try:
            for model in models:
                if not model._deleted:
                    model.delete()
        finally:
            self._session.triggers.activate_trigger(END_DELETE_MODELS, models)

    def reset_state(self, session):
        self.close([m for m in self.scene_root_model.child_models() if not m.SESSION_ENDURING])

    def __iter__(self) -> Iterator[Model]:
        return iter(list(self._models.values()))

    def __len__(self) -> int:
        return len(self._models)

    def __getitem__(self, i):
        return list(self._models.values())[i]
