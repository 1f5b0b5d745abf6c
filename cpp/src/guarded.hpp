// SPDX-License-Identifier: MIT
#pragma once

#include <exception>
#include <new>
#include <string>

#include "nnbridge/result.hpp"

namespace nnbridge {

/// Runs an action that returns a Result, and makes one of whatever it throws: memory, threads and
/// file systems run out, and a host must not be brought down by it.
template <class Action>
auto guarded(Action action) noexcept -> decltype(action()) {
  try {
    return action();
  } catch (const std::bad_alloc&) {
    return fail("There is not enough memory: ask for a smaller block or batch.");
  } catch (const std::exception& error) {
    return fail(std::string("The system refused (") + error.what() + ").");
  }
}

}  // namespace nnbridge
