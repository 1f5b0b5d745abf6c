// SPDX-License-Identifier: MIT
#pragma once

namespace nnbridge {

/// Asks for the priority that audio work gets on this system. Refusal is normal (on Linux it takes
/// an rtprio limit) and leaves the thread as it was.
void raise_priority_of_this_thread() noexcept;

/// What `top -H`, profilers and debuggers show. At most 15 characters: Linux keeps no more.
void name_this_thread(const char* name) noexcept;

}  // namespace nnbridge
