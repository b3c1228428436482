# OWL3::torch_tensors, what libowl3_torch.so needs of LibTorch, and OWL3_HAS_TORCH_PLUGIN. With
# OWL3_TORCH_ROOT it is an installed PyTorch's own, whose CMake files would ask for the whole toolkit
# of its cards; without, Debian's libtorch-dev or what CMAKE_PREFIX_PATH names.
set(OWL3_TORCH AUTO CACHE STRING
  "Build libowl3_torch.so, the backend over LibTorch: ON, OFF, or AUTO, where LibTorch is found")
set_property(CACHE OWL3_TORCH PROPERTY STRINGS AUTO ON OFF)
set(OWL3_TORCH_ROOT "" CACHE PATH
  "Folder of an installed PyTorch: python3 -c 'import torch; print(torch.__path__[0])'")
if(OWL3_TORCH STREQUAL "OFF" OR OWL3_FUZZ OR OWL3_SANITIZE)
  return()
endif()

add_library(OWL3::torch_tensors INTERFACE IMPORTED)
if(OWL3_TORCH_ROOT)
  set(config ${OWL3_TORCH_ROOT}/share/cmake/Torch/TorchConfig.cmake)
  set(flags "")
  if(EXISTS ${config})
    file(STRINGS ${config} flags REGEX "_GLIBCXX_USE_CXX11_ABI=0")
  endif()
  if(flags)
    message(FATAL_ERROR "${OWL3_TORCH_ROOT}: is built with the C++ ABI of before 2015, which nothing "
      "here can be linked with; PyTorch's own packages have the present one from version 2.7 on")
  endif()
  foreach(name IN ITEMS torch_cpu c10)
    find_library(OWL3_${name} ${name} PATHS ${OWL3_TORCH_ROOT}/lib NO_DEFAULT_PATH REQUIRED)
    target_link_libraries(OWL3::torch_tensors INTERFACE ${OWL3_${name}})
  endforeach()
  # Nothing calls what the cards' libraries hold: they make their operations known when loaded.
  foreach(name IN ITEMS torch_cuda c10_cuda torch_hip c10_hip torch_xpu c10_xpu)
    find_library(OWL3_${name} ${name} PATHS ${OWL3_TORCH_ROOT}/lib NO_DEFAULT_PATH)
    mark_as_advanced(OWL3_${name})
    if(OWL3_${name})
      target_link_libraries(OWL3::torch_tensors INTERFACE
        -Wl,--no-as-needed ${OWL3_${name}} -Wl,--as-needed)
    endif()
  endforeach()
  target_include_directories(OWL3::torch_tensors SYSTEM INTERFACE
    ${OWL3_TORCH_ROOT}/include ${OWL3_TORCH_ROOT}/include/torch/csrc/api/include)
  set(OWL3_HAS_TORCH_PLUGIN TRUE)
else()
  if(NOT Torch_FOUND)
    find_package(Torch QUIET)
  endif()
  if(Torch_FOUND)
    target_link_libraries(OWL3::torch_tensors INTERFACE ${TORCH_LIBRARIES})
    set(OWL3_HAS_TORCH_PLUGIN TRUE)
  elseif(OWL3_TORCH STREQUAL "ON")
    message(FATAL_ERROR "OWL3_TORCH=ON needs LibTorch: libtorch-dev (scripts/setup.sh --train), or "
      "OWL3_TORCH_ROOT, the folder of an installed PyTorch")
  else()
    message(STATUS "No libowl3_torch.so: it needs libtorch-dev (scripts/setup.sh --train), or "
      "OWL3_TORCH_ROOT, the folder of an installed PyTorch")
  endif()
endif()

# Of CUDA's toolkit one header is wanted, for graphs: that of the runtime library, which PyTorch's
# own packages bring beside it.
if(OWL3_torch_cuda OR TARGET torch_cuda)
  set(packages "")
  if(OWL3_TORCH_ROOT)
    set(packages ${OWL3_TORCH_ROOT}/../nvidia/cuda_runtime/include
      ${OWL3_TORCH_ROOT}/../nvidia/cu13/include)
  endif()
  find_path(OWL3_CUDA_HEADERS cuda_runtime_api.h
    HINTS ${packages} ENV CUDA_HOME ENV CUDA_PATH
    PATHS /usr/local/cuda
    PATH_SUFFIXES include)
  mark_as_advanced(OWL3_CUDA_HEADERS)
  if(OWL3_CUDA_HEADERS)
    target_include_directories(OWL3::torch_tensors SYSTEM INTERFACE ${OWL3_CUDA_HEADERS})
    target_compile_definitions(OWL3::torch_tensors INTERFACE OWL3_CUDA_GRAPHS)
  else()
    message(STATUS "libowl3_torch.so without CUDA graphs: they need cuda_runtime_api.h")
  endif()
endif()
