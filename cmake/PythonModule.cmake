# SPDX-License-Identifier: MIT
# nnbridge._engine, built and installed by scikit-build-core (pyproject.toml).
nnbridge_find_python()
set(PYBIND11_FINDPYTHON ON)
find_package(pybind11 2.13 CONFIG REQUIRED)

pybind11_add_module(_engine NO_EXTRAS ${PROJECT_SOURCE_DIR}/python/src/bindings.cpp)
target_link_libraries(_engine PRIVATE nnbridge)
target_compile_definitions(_engine PRIVATE NNBRIDGE_VERSION="${PROJECT_VERSION}")
nnbridge_warnings(_engine)

# The module lies in site-packages/nnbridge and torch in site-packages/torch; an editable install
# may also run against the torch of another site-packages, the one it was built with.
if(APPLE)
  set(origin "@loader_path")
else()
  set(origin "$ORIGIN")
endif()
set(rpath "${origin}/../torch/lib")
if(SKBUILD_STATE STREQUAL "editable")
  list(APPEND rpath ${NNBRIDGE_TORCH_LIB_DIR})
endif()
set_target_properties(_engine PROPERTIES INSTALL_RPATH "${rpath}" INSTALL_RPATH_USE_LINK_PATH OFF)
install(TARGETS _engine LIBRARY DESTINATION nnbridge COMPONENT python)
