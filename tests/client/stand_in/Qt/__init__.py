"""Stand-in for ChimeraX's Qt shim (prereqs/qtshim/Qt): PySide6 under the shim's names.

The shim also lets enumeration values be used without the name of their enumeration; the bundle names it.
"""


def qt_object_is_deleted(object):
    """Imitates prereqs/qtshim/Qt/__init__.py: whether the C++ side of a Qt object is gone."""
    import shiboken6

    return not shiboken6.isValid(object)
