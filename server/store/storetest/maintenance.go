package storetest

var maintenanceTests = []test{}
