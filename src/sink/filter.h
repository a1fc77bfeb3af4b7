#pragma once

#include "samhain/report.h"
#include "samhain/severity.h"

namespace samhain::sink {

/// What a sink takes of our own reports: those whose severity and class both fit.
struct Filter {
  SeveritySet severities;
  ClassSet classes = ClassSet::all();
};

/// Whether the same holds for clients' reports on the server, by severity and by class
/// (UseClientSeverity, UseClientClass in yulerc(5)).
struct ClientRules {
  bool by_severity = false;
  bool by_class = false;
};

}  // namespace samhain::sink
