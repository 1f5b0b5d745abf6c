// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace nnbridge {

/// What went wrong, in one sentence for the user: what happened, with which file or value, and
/// what to do about it.
struct Error {
  std::string message;
};

/// The outcome of anything that may fail off the audio thread. Nothing in nnbridge throws across
/// its public headers.
template <class T>
using Result = tl::expected<T, Error>;

inline tl::unexpected<Error> fail(std::string message) {
  return tl::unexpected<Error>(Error{std::move(message)});
}

}  // namespace nnbridge
