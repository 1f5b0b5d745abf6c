/* SPDX-License-Identifier: MIT */
#pragma once

#include "max_api.h"
