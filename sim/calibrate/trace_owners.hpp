#pragma once
// Who started an activity: activity -> launch call by correlation -> innermost operation and annotation around it.
// Annotations hold host time only, and a launch on another thread (autograd) belongs to the annotation that is open at
// that moment, so: the innermost annotation of the launch's own thread, else the innermost of any thread of the same
// process.

#include "calibrate/trace.hpp"

namespace gpuhours {

/// Sorts the arrays into their documented order and fills launch, operation, annotation, collective and parent.
void assign_owners(Trace& trace);

}  // namespace gpuhours
