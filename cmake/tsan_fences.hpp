// SPDX-License-Identifier: MIT
// Included before all else under gcc's thread sanitizer, which does not model fences. The queues of
// readerwriterqueue announce theirs to clang's only; this says the same to gcc's.
#pragma once
#ifdef __cplusplus
extern "C" void AnnotateHappensBefore(const char*, int, void*);
extern "C" void AnnotateHappensAfter(const char*, int, void*);
namespace moodycamel {
inline int tsan_fences;
}
#define AE_TSAN_ANNOTATE_RELEASE() \
  AnnotateHappensBefore(__FILE__, __LINE__, &::moodycamel::tsan_fences)
#define AE_TSAN_ANNOTATE_ACQUIRE() \
  AnnotateHappensAfter(__FILE__, __LINE__, &::moodycamel::tsan_fences)
#endif
